"""The clerk: answers, files, and errors come back as they were raised in his process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gpserver.clerk import Clerk
from gpserver.errors import Forbidden, NotFound
from gpserver.layers import Attribute, LayerInfo, Place


@pytest.fixture(scope="module")
def clerk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clerk]:
    folder = tmp_path_factory.mktemp("clerk")
    place = Place(str(folder / "layers"), guarded=True)
    place.open("ann").create(LayerInfo("ann.a", (Attribute("name"),), geometry_attribute=None))
    (folder / "answers").mkdir()
    (folder / "answers" / "left.behind").touch()
    clerk = Clerk(place, folder / "answers")
    clerk.start()
    assert not list((folder / "answers").iterdir())
    yield clerk
    clerk.close()


def test_values_and_files(clerk: Clerk) -> None:
    added = clerk.ask("layer_edits:add", "ann", name="ann.a", text='[{"properties": {"name": "x"}}]').result()
    assert isinstance(added, Path)
    assert b'"createdIds":["1"]' in added.read_bytes()
    assert clerk.ask("layer_answers:feature_count", "ann", name="ann.a", query={}).result() == 1


def test_errors_are_those_that_were_raised(clerk: Clerk) -> None:
    with pytest.raises(NotFound, match=r"no layer ann\.b"):
        clerk.ask("layer_answers:features", "ann", name="ann.b", query={}).result()
    with pytest.raises(NotFound):  # it is not his
        clerk.ask("layer_edits:add", "bob", name="ann.a", text="[]").result()
    asked = {"name": "ann.new", "text": "SELECT 1 AS a", "parameters": {}, "replaced": False}
    with pytest.raises(Forbidden):
        clerk.ask("materialized:of_select", "bob", **asked).result()


def test_a_fault_of_ours_is_told_with_its_traceback(clerk: Clerk) -> None:
    with pytest.raises(RuntimeError, match="Traceback"):
        clerk.ask("layer_answers:features", "ann", name="ann.a", query={"nix": 1}).result()
