"""Fuzz the reading of feature sets for a while: ``python -m tests.fuzz [seconds]``.

Atheris is coverage-guided and its libFuzzer outlives what it looks for: an input that crashes native code,
takes longer than ten seconds or more memory than the limit is written to ``.fuzz`` before the process ends.
Put such a file into ``corpus`` once it is mended; tests read the corpus every time.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["gpserver.features"]):
    from tests.fuzz.target import read, with_another_piece

HERE = Path(__file__).parent
FOUND = HERE.parents[1] / ".fuzz"


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """Every other change is one of a document, for few changes of bytes leave JSON what it is."""
    changed = with_another_piece(data, seed) if seed % 2 else data
    return changed[:most] if changed != data else atheris.Mutate(data, most)


seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
(FOUND / "corpus").mkdir(parents=True, exist_ok=True)
atheris.Setup(
    [
        sys.argv[0],
        str(FOUND / "corpus"),
        str(HERE / "corpus"),
        f"-dict={HERE / 'words.dict'}",
        f"-artifact_prefix={FOUND}/",
        f"-max_total_time={seconds}",
        "-max_len=4096",
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ],
    read,
    custom_mutator=mutate,
)
atheris.Fuzz()
