"""Every document of the corpus, and small changes of it, are read or refused in words."""

from pathlib import Path

import pytest
from fuzz.target import read, with_another_piece
from hypothesis import given, settings
from hypothesis import strategies as st

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_a_document_of_the_corpus(path: Path) -> None:
    read(path.read_bytes())


@settings(max_examples=300)
@given(
    st.sampled_from([path for path in CORPUS if path.suffix == ".json"]), st.lists(st.integers(0), max_size=4)
)
def test_a_document_with_other_values(path: Path, seeds: list[int]) -> None:
    data = path.read_bytes()
    for seed in seeds:
        data = with_another_piece(data, seed)
    read(data)


@settings(max_examples=300)
@given(st.sampled_from(CORPUS), st.integers(0, 400), st.integers(0, 20), st.binary(max_size=6))
def test_a_document_with_a_piece_replaced(path: Path, at: int, length: int, piece: bytes) -> None:
    whole = path.read_bytes()
    read(whole[:at] + piece + whole[at + length :])
