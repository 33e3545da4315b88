"""The paper's ablations in small: what `benchmarks/study.py` runs."""
