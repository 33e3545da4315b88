import re

import muon


def test_both_step_with_the_same_gradients_and_end_with_the_same_weights():
    report = muon.compare(rounds=2)
    median, lowest, highest = map(float, re.findall(r"(?:median|lowest|highest) (\d+\.\d+)", report))
    assert 0 < lowest <= median <= highest
    assert float(re.search(r"at most (\S+)\.\n", report)[1]) < 1e-4
