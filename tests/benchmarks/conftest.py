"""The benchmarks are scripts, not a part of the package: their folder is on the path, as when one is run."""

import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
