from emotion_qwen.train.grouped_sampler import GroupedSampler


def test_every_batch_comes_from_one_group():
    groups = [0] * 10 + [1] * 7
    order = list(GroupedSampler(groups, 3, seed=0))
    batches = [order[start : start + 3] for start in range(0, len(order), 3)]
    assert all(len({groups[index] for index in batch}) == 1 for batch in batches)


def test_whole_batches_only_and_nothing_twice():
    sampler = GroupedSampler([0] * 10 + [1] * 7, 3, seed=0)
    order = list(sampler)
    assert len(order) == len(sampler) == 9 + 6
    assert len(set(order)) == len(order)


def test_the_order_is_the_seeds_and_each_epoch_has_its_own():
    first, again = (GroupedSampler([0] * 12, 4, seed=1) for _ in range(2))
    epoch = list(first)
    assert epoch == list(again)
    first.set_epoch(1)
    assert epoch != list(first)
    first.set_epoch(0)
    assert epoch == list(first)
