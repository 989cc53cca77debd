"""Who sees and changes which layer."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from gpserver.errors import Forbidden, NotFound
from gpserver.layers import Layers, Place

ROWS = pd.DataFrame({"a": [1]})


@pytest.fixture
def guarded(place: Place, layers: Layers) -> Place:
    """The same place where there are users, with a layer of the operator's."""
    layers.write("networks.car", ROWS)
    return replace(place, guarded=True, administrators=("root",))


def test_a_user_writes_in_his_own_namespace(guarded: Place) -> None:
    ann, bob, root = (guarded.open(name) for name in ("ann", "bob", "root"))
    assert ann.write("ann.roads", ROWS).owner == "ann"
    for name in ("bob.roads", "ann.x.roads", "annx.roads"):
        with pytest.raises(Forbidden, match="namespace"):
            ann.write(name, ROWS)
    with pytest.raises(NotFound):
        bob.append("ann.roads", ROWS)
    ann.change("ann.roads", shared=True)
    assert len(bob.read("ann.roads")) == 1
    for change in (
        lambda: bob.append("ann.roads", ROWS),
        lambda: bob.delete("ann.roads", [1]),
        lambda: bob.drop("ann.roads"),
        lambda: bob.change("ann.roads", alias="mine"),
        lambda: ann.change("ann.roads", name="bob.roads"),
    ):
        with pytest.raises(Forbidden):
            change()
    root.append("ann.roads", ROWS)
    assert root.write("bob.gift", ROWS).owner == "root"
    assert [info.name for info in bob.all()] == ["ann.roads", "bob.gift", "networks.car"]
    assert len(ann.read("ann.roads")) == 2


def test_nobody_reads_what_is_for_all_and_writes_nothing(guarded: Place) -> None:
    nobody = guarded.open()
    guarded.open("ann").write("ann.roads", ROWS)
    assert [info.name for info in nobody.all()] == ["networks.car"]
    for name in ("temp.x", "nobody.x", ".x", "networks.car2"):
        with pytest.raises(Exception, match="cannot be"):
            nobody.write(name, ROWS)
    with pytest.raises(Forbidden):
        nobody.append("networks.car", ROWS)


def test_temporary_layers_are_each_users_own(guarded: Place) -> None:
    ann, bob = guarded.open("ann"), guarded.open("bob")
    ann.write("temp.x", ROWS)
    assert not bob.exists("temp.x")
    bob.write("temp.x", pd.concat([ROWS, ROWS]))
    assert (ann.find("temp.x").count, bob.find("temp.x").count) == (1, 2)
    ann.drop("temp.x")
    assert bob.exists("temp.x")
    guarded.open("bob").drop("temp.x")


def test_a_view_of_a_user_is_that_of_his_jobs(guarded: Place) -> None:
    guarded.open("ann").write("ann.roads", ROWS)
    assert guarded.open().seen_by("ann").exists("ann.roads")
    assert not guarded.open().seen_by("bob").exists("ann.roads")


def test_without_users_everybody_may(tmp_path: Path) -> None:
    layers = Place(str(tmp_path)).open()
    layers.write("anybody.x", ROWS)
    assert layers.seen_by("somebody").append("anybody.x", ROWS).tolist() == [2]
    layers.close()
