import re

import train_step


def test_both_trainers_train_on_the_same_tokens(monkeypatch):
    monkeypatch.setattr(train_step, "TEXT", train_step.TEXT | {"num_hidden_layers": 1})
    monkeypatch.setattr(train_step, "VISION", train_step.VISION | {"depth": 1, "fullatt_block_indexes": [0]})
    monkeypatch.setattr(train_step, "BATCH", 2)
    report = train_step.compare(rounds=2, steps=2)
    assert "2 pairs of runs of 2 steps in turn, 2 pictures of 120×120" in report
    parameters = {name: int(count.replace(",", "")) for name, count in re.findall(r"\| (.+) \| ([\d,]+) \|", report)}
    # They differ by the compressor, which has an expert and a gate more than the merger.
    assert parameters["Emotion-Qwen"] > parameters["stock"] > 0
