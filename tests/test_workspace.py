"""A job's folder, and the decoding of large form values."""

from pathlib import Path
from urllib.parse import quote_plus, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpserver import workspace
from gpserver.job import Input
from gpserver.workspace import Spooled, Workspace, confirmed, unquote


@given(st.text(alphabet="%+ab4F09gé \n", max_size=60))
def test_unquote_agrees_with_the_standard_library(text: str) -> None:
    raw = text.encode()
    assert unquote(raw) == unquote_to_bytes(raw.replace(b"+", b" "))


def test_unquote_is_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = (quote_plus('{"x": 1.5, "ä": "%"}') + "%%%4").encode() * 50
    whole = unquote(raw)
    for size in range(1, 40):
        monkeypatch.setattr(workspace, "_BLOCK", size)
        assert unquote(raw) == whole


def test_a_large_value_is_taken_over_decoded_and_confirmed(tmp_path: Path) -> None:
    spooled = tmp_path / "spooled"
    spooled.write_bytes(quote_plus('{"a": 1}').encode())
    job = Workspace(tmp_path / "jobs", "1")
    item = Input("In_Table", "GPRecordSet", file=job.receive("In_Table", Spooled(spooled, urlencoded=True)))
    assert not spooled.exists()
    assert job.read(item) == b'{"a": 1}'
    assert not (job.folder / confirmed(item)).exists()
    job.confirm(item, b'{"a":1}')
    assert (job.folder / confirmed(item)).read_bytes() == b'{"a":1}'
    assert job.read(item) == b'{"a": 1}'  # another attempt may follow
    assert job.tidy(0) == len(b'{"a":1}')
    assert [path.name for path in (job.folder / "inputs").iterdir()] == ["In_Table.json"]


def test_delete_removes_everything_and_may_be_repeated(tmp_path: Path) -> None:
    job = Workspace(tmp_path, "1")
    job.scratch(1).mkdir(parents=True)
    job.delete()
    job.delete()
    assert list(tmp_path.iterdir()) == []
