from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train.data.mixture import build_mixture
from emotion_qwen.train.numbered_samples import numbered


def test_there_is_a_number_for_each_sample_of_each_epoch_and_nothing_is_stored(faces, nano):
    source = {"reader": "rendered", "folder": str(faces), "samples": 3, "side": 80}
    mixture = build_mixture([source], EmotionQwenProcessor.from_pretrained(nano), seed=0)
    rows = numbered(mixture, epochs=1.5)
    assert len(rows) == 6
    assert rows.data.nbytes <= 6 * 8
    assert rows[4]["messages"][0]["role"] == "user"
    assert [turn["content"][-1] for turn in rows[4]["messages"]] == [t["content"][-1] for t in mixture[4]["messages"]]
