"""Run every benchmark, or those named: ``python -m tests.benchmarks [features buffer server]``."""

import importlib
import sys
from pathlib import Path

names = sys.argv[1:] or sorted(
    path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py")
)
sys.argv[1:] = []  # what a benchmark run by itself would take for sizes
sys.path.insert(0, str(Path(__file__).parents[1]))
for name in names:
    importlib.import_module(f"tests.benchmarks.bench_{name}").main()
