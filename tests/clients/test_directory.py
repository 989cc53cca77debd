"""The services directory in headless Chromium, as people use it: with scripting, without, and on a phone."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from conftest import ROOT, start
from pyproj import Geod
from shapely.geometry import shape

# Measures what the person draws.
SHAPES = '''
from typing import NamedTuple

from gpserver import Lines, Polygons, task


class Sizes(NamedTuple):
    """What was measured."""

    number_of_lines: int
    number_of_areas: int


@task
def measure_shapes(lines: Lines, areas: Polygons) -> Sizes:
    """Count lines and areas."""
    return Sizes(len(lines), len(areas))
'''


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the services that ship and one more."""
    folder = tmp_path_factory.mktemp("directory")
    copytree(ROOT / "services", folder / "services")
    (folder / "services/shapes.py").write_text(SHAPES)
    server = start(folder, folder / "services")
    yield server.url
    assert server.stop() == 0, server.log.read_text()


def visited(*kinds: str) -> Any:
    """Mark a test of what came of these visits."""
    return pytest.mark.parametrize("visit", kinds, indirect=True)


@pytest.fixture(scope="module")
def visit(
    request: Any, site: str, node: str, packages: Path, chromium: str, converse: Any, tmp_path_factory: Any
) -> Any:
    """What came of a visit: on a desktop, on a phone, or on a desktop without scripting ("plain")."""
    script, pictures = packages.parent / "directory.mjs", tmp_path_factory.mktemp(request.param)
    return converse(node, script, chromium, site, pictures, request.param) | {"kind": request.param}


@pytest.fixture(scope="module")
def said(visit: Any, told: Any) -> Any:
    return told(visit["said"])


@visited("desktop", "phone", "plain")
def test_nothing_breaks_the_policy_and_nothing_comes_from_elsewhere(visit: Any) -> None:
    assert visit["complaints"] == []
    assert visit["outside"] == []


@visited("desktop", "phone", "plain")
def test_pages_are_accessible_and_as_wide_as_the_window(visit: Any) -> None:
    assert visit["faults"] == []


@visited("desktop", "phone", "plain")
def test_the_whole_way_from_the_root_to_the_kmz(visit: Any, said: Any) -> None:
    outcome = said("buffer")
    drawn = 1 if visit["kind"] == "plain" else 2
    assert len(outcome["sent"]["features"]) == drawn
    assert outcome["statuses"][-1] == "Job Status: esriJobSucceeded"
    assert any("Buffering" in text and "500 Kilometers" in text for text in outcome["messages"])
    assert outcome["drawn"] == 960
    assert outcome["rows"] == drawn
    assert {"OBJECTID", "BUFF_DIST"} < set(outcome["header"])
    assert (outcome["kmz"]["head"], outcome["kmz"]["name"][-4:]) == ("PK", ".kmz")
    assert said("input")["rows"] == drawn


@visited("desktop", "phone", "plain")
def test_progress_is_watched_and_the_job_cancelled(said: Any) -> None:
    outcome = said("cancel")
    assert outcome["percents"] == sorted(outcome["percents"])
    assert outcome["elapsed"] > 0
    assert outcome["status"] == "Job Status: esriJobCancelled"


@visited("desktop")
def test_what_a_job_says_is_only_text(said: Any) -> None:
    outcome = said("failure")
    assert outcome["status"] == "Job Status: esriJobFailed"
    assert "<script>document.title" in outcome["messages"]
    assert outcome["title"] == "Submit Job: Fail Task"


@visited("desktop")
def test_lines_and_areas_are_drawn_with_mouse_and_keyboard(said: Any) -> None:
    outcome = said("shapes")
    lines, areas = outcome["texts"]
    assert [len(feature["geometry"]["paths"][0]) for feature in lines["features"]] == [2, 2]
    [ring] = areas["features"][0]["geometry"]["rings"]
    assert ring[0] == ring[-1]
    area, _ = Geod(ellps="WGS84").geometry_area_perimeter(shape({"type": "Polygon", "coordinates": [ring]}))
    assert area < 0, "an outer ring of Esri runs clockwise"
    assert outcome["values"] == ["2", "1"]


@visited("desktop", "plain")
def test_every_control_sends_what_its_type_reads(said: Any) -> None:
    outcome = said("types")
    values = outcome["values"]
    assert outcome["status"] == "Job Status: esriJobSucceeded"
    assert values["Out_String"] == "green"
    assert values["Out_Long"] == "42"
    assert values["Out_Boolean"] == "false"
    assert values["Out_Date"].startswith("2024-02-29 12:30:00")
    assert values["Out_List"] == '["a","b"]'
    assert values["Out_Unit"] == '{"distance":3,"units":"esriNauticalMiles"}'


@visited("desktop", "phone")
def test_a_map_and_its_layers_have_pages(said: Any) -> None:
    assert said("map") == "Buffer (Legend)"


@visited("desktop")
def test_an_error_says_what_to_do(said: Any) -> None:
    outcome = said("error")
    assert outcome["status"] == 404
    assert "services directory" in outcome["text"]
