"""arcgis for Python calls a task with a default of every data type, and one whose features have names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import publishing

SERVICE = '''
from datetime import UTC, datetime
from typing import Annotated, Literal, NamedTuple

import geopandas
from pyproj import CRS
from shapely import Point

from gpserver import (
    ArealUnit, Extent, Field, LinearUnit, Param, Points, SQLExpression, TimeUnit, task,
)

PLACES = geopandas.GeoDataFrame({"name": ["a", "b"]}, geometry=[Point(1, 2), Point(3, 4)], crs=4326)
START = datetime(2020, 1, 1, tzinfo=UTC)


class Row(NamedTuple):
    name: str
    size: float | None = None
    since: datetime | None = None
    walk: LinearUnit = LinearUnit(3)


@task(output="seen")
def see(
    area: ArealUnit = ArealUnit(3),
    duration: TimeUnit = TimeUnit(3, "weeks"),
    extent: Extent = Extent(0, 0, 1, 1, CRS(4326)),
    reference: CRS = CRS(3857),
    field: Field = Field("a", "esriFieldTypeDouble"),
    rows: list[Row] = [Row("y", None, START)],
    either: float | str = "all",
    several: list[float | str] = [1.5, "z"],
    expression: SQLExpression = "a = 'b'",
    choices: list[Literal["a", "b"]] = ["a"],
    labelled: Annotated[str, Param(choices={"No dissolve": "NONE"})] = "NONE",
    flag: bool = True,
) -> str:
    """See every default."""
    inputs = (area, duration, extent, reference, field, rows, either, several, expression)
    defaults = see.__defaults__
    same = (*inputs, choices, labelled, flag) == defaults
    return "all as declared" if same else f"{inputs} {choices} {labelled} {flag}"


@task(output="count")
def count_places(
    places: Annotated[Points, Param(choices={"All": PLACES, "First": lambda: PLACES[:1]})] = "All",
) -> int:
    """Count features that are known by name."""
    return len(places)
'''
SCRIPT = """
import sys

from arcgis.geoprocessing import import_toolbox
from scenarios import run_all

toolbox = import_toolbox(f"{sys.argv[1]}/Types/GPServer")


def every_default():
    return toolbox.see()


def named_features():
    return [toolbox.count_places(), toolbox.count_places("First")]


run_all([every_default, named_features])
"""


@pytest.fixture(scope="module")
def said(
    arcgis_python: str, converse: Any, told: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """What came of each scenario."""
    folder = tmp_path_factory.mktemp("types")
    (folder / "script.py").write_text(SCRIPT)
    (folder / "scenarios.py").write_text((Path(__file__).parent / "scenarios.py").read_text())
    with publishing(folder, {"types.py": SERVICE}) as server:
        yield told(converse(arcgis_python, folder / "script.py", f"{server.rest}/services"))


def test_every_default_comes_back_as_it_was_declared(said: Any) -> None:
    assert said("every_default") == "all as declared"


def test_features_are_sent_by_name(said: Any) -> None:
    assert said("named_features") == [2, 1]
