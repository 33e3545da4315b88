import re

import precision


def test_float32_with_sdpa_is_what_all_are_compared_with():
    report = precision.compare(rounds=1, size=1)
    rows = re.findall(r"\| (?:pictures|clips) of [^|]* \| (.*) \|", report)
    ratios = [[float(ratio) for ratio in row.split(" | ")] for row in rows]
    assert len(ratios) == 2
    assert all(len(row) == 6 and row[0] == 1 and min(row) > 0 for row in ratios)
