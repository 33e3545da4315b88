"""Mixtures: what is drawn, how often, in which order, and what happens to what is broken."""

import itertools
import pickle
from collections import Counter

import pytest
from torch.utils.data import DataLoader, DistributedSampler

from emotion_qwen.processing import MediaError
from emotion_qwen.train.data.broken_samples import BrokenDataError, BrokenSamples
from emotion_qwen.train.data.mixture import EpochSampler, Mixture, build_mixture, shares
from emotion_qwen.train.data.streaming import StreamedMixture

from .layouts import LAYOUTS


class Numbers:
    """A source whose samples are numbers; every so-manieth is broken."""

    def __init__(self, name: str, length: int, weight: float | None = None, broken_every: int = 0) -> None:
        self.name = name
        self.length = length
        self.weight = weight
        self.broken_every = broken_every

    def __len__(self):
        return self.length

    def sample(self, index, visit):
        if self.broken_every and index % self.broken_every == 0:
            raise MediaError(f"There is no file '{index}.mp4'.")
        return {"messages": (self.name, index), "visit": visit}

    def stream(self):
        yield from ((index, index) for index in range(self.length))

    def sample_of(self, drawn, index, visit):
        return self.sample(index, visit)


def unchanged(messages):
    return messages


def first(batch):
    return batch[0]


def drawn(mixture, epoch=0) -> list:
    return [mixture[epoch * len(mixture) + position]["messages"] for position in range(len(mixture))]


def test_without_weights_an_epoch_has_each_sample_once():
    mixture = Mixture([Numbers("a", 5), Numbers("b", 3)], 0, unchanged)
    expected = {("a", index) for index in range(5)} | {("b", index) for index in range(3)}
    for epoch in range(3):
        assert len(mixture) == 8
        assert set(drawn(mixture, epoch)) == expected


def test_weights_are_shares_and_all_of_a_large_source_comes_in_turn():
    mixture = Mixture([Numbers("large", 40, weight=1), Numbers("small", 2, weight=3)], 0, unchanged, 20)
    epochs = [drawn(mixture, epoch) for epoch in range(8)]
    for epoch in epochs:
        assert Counter(name for name, _ in epoch) == {"large": 5, "small": 15}
    large = [index for epoch in epochs for name, index in epoch if name == "large"]
    assert sorted(large) == list(range(40))
    assert large != list(range(40))


def test_a_draw_depends_on_the_seed_and_its_number_alone():
    def build(seed):
        return Mixture([Numbers("a", 30, 1), Numbers("b", 7, 2, broken_every=3)], seed, unchanged, 40, 0.9)

    forwards, backwards = build(1), build(1)
    ahead = [forwards[index] for index in range(120)]
    assert ahead == [backwards[index] for index in reversed(range(120))][::-1]
    assert ahead != [build(2)[index] for index in range(120)]
    assert pickle.loads(pickle.dumps(forwards))[77] == ahead[77]


@pytest.mark.parametrize("weights", [(1, None), (1, 0), (1, -2)])
def test_weights_are_for_all_or_none_and_positive(weights):
    with pytest.raises(ValueError, match="Either each source"):
        shares([Numbers("a", 3, weights[0]), Numbers("b", 3, weights[1])], 6)


def test_shares_sum_to_the_epoch():
    assert shares([Numbers(str(weight), 1, weight) for weight in (1, 1, 1)], 100) == [33, 34, 33]


def test_each_epoch_of_the_sampler_draws_its_own_samples():
    mixture = Mixture([Numbers("a", 40, weight=1.0)], 0, unchanged, 10)
    sampler = EpochSampler(DistributedSampler(mixture, num_replicas=1, rank=0), len(mixture))
    epochs = []
    for epoch in range(4):
        sampler.set_epoch(epoch)
        epochs.append([mixture[index]["messages"] for index in sampler])
    assert len(sampler) == 10
    assert {index for epoch in epochs for _, index in epoch} == set(range(40))


def test_broken_samples_are_named_once_counted_and_replaced(caplog):
    mixture = Mixture([Numbers("faces", 10, broken_every=5)], 0, unchanged, 40, max_broken_share=0.5)
    assert {index for _, index in drawn(mixture)} <= set(range(10)) - {0, 5}
    assert len(drawn(mixture)) == 40
    assert caplog.text.count("faces: There is no file '0.mp4'") == 1
    assert mixture.broken.broken > 0
    assert mixture.broken.drawn == 80 + mixture.broken.broken


def test_the_run_stops_where_more_is_broken_than_allowed():
    mixture = Mixture([Numbers("faces", 10, broken_every=2)], 0, unchanged, max_broken_share=0.2)
    with pytest.raises(BrokenDataError, match=r"3 of the \d+ samples .* share of 0.2 that max_broken_share"):
        drawn(mixture)


def test_a_few_broken_samples_at_the_start_of_long_data_do_not_stop_it():
    broken = BrokenSamples(0.01, 1000)
    for number in range(10):
        broken.count_broken("faces", ValueError(str(number)))
    with pytest.raises(BrokenDataError, match="11 of the 11"):
        broken.count_broken("faces", ValueError("one more"))


@pytest.mark.parametrize("share", [-0.1, 1.0, 2])
def test_a_share_of_all_is_refused(share):
    with pytest.raises(ValueError, match="from 0 to below 1"):
        BrokenSamples(share, 10)


def test_workers_share_the_tally_and_their_error_is_one_sentence():
    mixture = Mixture([Numbers("faces", 12, broken_every=4)], 0, unchanged, 12, max_broken_share=0.6)
    assert len(list(DataLoader(mixture, batch_size=1, num_workers=2, collate_fn=first))) == 12
    assert mixture.broken.drawn == 12 + mixture.broken.broken
    mixture.broken.max_share = 0.0
    with pytest.raises(BrokenDataError) as caught:
        list(DataLoader(mixture, batch_size=1, num_workers=1, collate_fn=first))
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(
        "`emotion-qwen data check RECIPE --samples 1000000 --json` decodes all samples and lists them."
    )


def stream(*sources, seed=0, share=0.0, shuffle_buffer=1000) -> StreamedMixture:
    return StreamedMixture(sources, seed, unchanged, share, shuffle_buffer)


def test_a_stream_goes_through_all_and_starts_again():
    taken = [sample["messages"][1] for sample in itertools.islice(stream(Numbers("a", 10)).samples(), 30)]
    assert [sorted(taken[start : start + 10]) for start in (0, 10, 20)] == [list(range(10))] * 3
    assert taken[:10] != taken[10:20]


@pytest.mark.parametrize("size", [1, 4, 40])
def test_a_stream_is_shuffled_within_its_buffer(size):
    taken = [
        sample["messages"][1]
        for sample in itertools.islice(stream(Numbers("a", 40), shuffle_buffer=size).samples(), 40)
    ]
    assert sorted(taken) == list(range(40))
    assert (taken == sorted(taken)) == (size == 1)
    assert max(number - place for place, number in enumerate(taken)) < size


def test_a_buffer_that_holds_nothing_is_refused():
    with pytest.raises(ValueError, match="shuffle_buffer must be above 0, not 0"):
        stream(Numbers("a", 1), shuffle_buffer=0)


def test_a_stream_mixes_by_weight_and_repeats_with_its_seed():
    sources = (Numbers("a", 50, weight=3), Numbers("b", 50, weight=1))
    taken = [sample["messages"] for sample in itertools.islice(stream(*sources).samples(), 400)]
    assert 260 < Counter(name for name, _ in taken)["a"] < 340
    assert taken == [sample["messages"] for sample in itertools.islice(stream(*sources).samples(), 400)]


def test_workers_divide_a_stream():
    rows = stream(Numbers("a", 20)).as_data_set(workers=2)
    loader = DataLoader(rows, batch_size=1, num_workers=2, collate_fn=first)
    taken = [sample["messages"][1] for sample in itertools.islice(loader, 20)]
    assert sorted(taken) == list(range(20))


def test_processes_divide_a_stream_and_each_divides_its_part_among_its_workers():
    rows = stream(Numbers("a", 20)).as_data_set(workers=4)
    taken = []
    for process in range(2):
        part = rows.shard(num_shards=2, index=process)
        loader = DataLoader(part, batch_size=1, num_workers=2, collate_fn=first)
        taken += [sample["messages"][1] for sample in itertools.islice(loader, 10)]
    assert sorted(taken) == list(range(20))


def test_a_stream_skips_and_stops_as_well():
    taken = itertools.islice(stream(Numbers("a", 10, broken_every=5), share=0.5).samples(), 16)
    assert not {sample["messages"][1] for sample in taken} & {0, 5}
    with pytest.raises(BrokenDataError):
        next(stream(Numbers("a", 10, broken_every=1)).samples())


def test_a_source_that_gives_nothing_does_not_hang_a_stream():
    with pytest.raises(ValueError, match="a: there is no sample"):
        next(stream(Numbers("a", 0)).samples())


def test_several_streams_need_weights():
    with pytest.raises(ValueError, match="needs a weight"):
        stream(Numbers("a", 1), Numbers("b", 1, weight=1.0))


def test_a_recipe_mixes_readers_and_a_missing_clip_is_replaced(tmp_path, processor):
    layout = LAYOUTS["folder_per_label"](tmp_path / "clips")
    (tmp_path / "clips" / "sad" / "gone.mp4").write_bytes(b"not a clip")
    data = [layout.source, LAYOUTS["authors"](tmp_path / "chats").source]
    mixture = build_mixture(data, processor, seed=0, max_broken_share=0.5)
    assert len(mixture) == 7
    samples = [mixture[index] for index in range(7)]
    assert all(sample["messages"][-1]["role"] == "assistant" for sample in samples)
    assert mixture.broken.broken >= 1


def test_rendered_pictures_are_one_source_among_others(faces, tmp_path, processor):
    rendered = {"reader": "rendered", "folder": str(faces), "samples": 6, "side": 80, "weight": 1}
    own = LAYOUTS["authors"](tmp_path).source | {"weight": 1}
    mixture = build_mixture([rendered, own], processor, seed=0, samples_per_epoch=8)
    assert mixture.groups == [0] * 4 + [1] * 4
    assert [len(mixture[index].get("face_captures", ())) for index in range(8)] == [1] * 4 + [0] * 4


def test_no_source_is_no_data(processor):
    with pytest.raises(ValueError, match="names no source"):
        build_mixture([], processor, seed=0)
    with pytest.raises(ValueError, match="must be a mapping"):
        build_mixture(["folder"], processor, seed=0)


def test_the_trainer_s_rows_are_numbers_until_they_are_asked_for():
    mixture = Mixture([Numbers("a", 5)], 0, unchanged)
    rows = mixture.as_data_set(epochs=1.5)
    assert len(rows) == 10
    assert rows.data.nbytes <= 10 * 8
    assert rows[7] == {"messages": mixture[7]["messages"], "face_captures": None}


def test_the_trainer_s_rows_are_made_without_pickling_all_records(monkeypatch):
    pickled = []
    monkeypatch.setattr(Numbers, "__reduce_ex__", lambda source, _: pickled.append(source) or (Numbers, ("a", 5)))
    Mixture([Numbers("a", 5)], 0, unchanged).as_data_set(epochs=1)
    assert not pickled
