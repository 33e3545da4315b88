from emotion_qwen.train.grouped_sampler import GroupedSampler


def test_every_batch_comes_from_one_group():
    groups = [0] * 10 + [1] * 7
    order = list(GroupedSampler(groups, 3, seed=0))
    batches = [order[start : start + 3] for start in range(0, len(order), 3)]
    assert all(len({groups[index] for index in batch}) == 1 for batch in batches)


def test_every_sample_comes_and_the_last_batch_of_a_group_is_filled_with_its_own():
    groups = [0] * 10 + [1] * 7 + [2]
    sampler = GroupedSampler(groups, 3, seed=0)
    order = list(sampler)
    assert len(order) == len(sampler) == 12 + 9 + 3
    assert set(order) == set(range(18))
    assert sorted(groups[index] for index in order) == [0] * 12 + [1] * 9 + [2] * 3


def test_the_order_is_the_seeds_and_each_epoch_has_its_own():
    first, again = (GroupedSampler([0] * 12, 4, seed=1) for _ in range(2))
    epoch = list(first)
    assert epoch == list(again)
    first.set_epoch(1)
    assert epoch != list(first)
    first.set_epoch(0)
    assert epoch == list(first)
