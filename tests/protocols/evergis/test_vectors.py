"""Vector tiles over HTTP, read by GDAL."""

from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from conftest import Server
from everpoint import Everpoint


@pytest.fixture
def caller(server: Server) -> Iterator[Everpoint]:
    with Everpoint(server.url) as caller:
        yield caller


def squares(caller: Everpoint) -> str:
    layer = caller.layer("squares", ("name", "String"), ("id", "Int64"), geometry="Polygon")
    features = []
    for number, (x, y) in enumerate([(1, 1), (50, 30), (-50, -30)]):
        ring = [[x, y], [x + 9, y], [x + 9, y + 9], [x, y + 9], [x, y]]
        geometry = {"type": "Polygon", "coordinates": [ring], "srId": 4326}
        features.append({"geometry": geometry, "properties": {"name": f"s{number}", "id": number}})
    caller.add(layer, *features)
    return layer


def test_tile_shows_what_is_in_it(caller: Everpoint, tmp_path: Path) -> None:
    layer = squares(caller)
    answer = caller.http.get(f"/vt/{layer}/1/1/0.pbf")  # the north east of the world
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    file = tmp_path / "1" / "1" / "0.pbf"  # GDAL reads the place of a tile out of its path
    file.parent.mkdir(parents=True)
    file.write_bytes(answer.content)
    found = gpd.read_file(file, engine="pyogrio").set_crs(3857, allow_override=True)
    assert list(found["name"]) == ["s0", "s1"]
    assert list(found["id"]) == [0, 1]
    expected = gpd.GeoSeries([shapely.box(1, 1, 10, 10), shapely.box(50, 30, 59, 39)], crs=4326).to_crs(3857)
    unit = 20037508.34 / 4096
    assert (found.geometry.hausdorff_distance(expected, align=False) < 2 * unit).all()


def test_tile_without_anything_is_empty(caller: Everpoint) -> None:
    layer = squares(caller)
    answer = caller.http.get(f"/vt/{layer}/12/0/0.pbf")
    assert (answer.status_code, answer.content) == (200, b"")
    table = caller.layer("plain", ("a", "String"), geometry="")
    assert caller.http.get(f"/vt/{table}/0/0/0.pbf").content == b""


@pytest.mark.parametrize("place", ["1/2/0", "31/0/0", "0/0/x", "99999999999/0/0"])
def test_tile_that_is_none(caller: Everpoint, place: str) -> None:
    caller.problem("GET", f"/vt/{squares(caller)}/{place}.pbf", 404)


def test_layer_that_is_none(caller: Everpoint) -> None:
    caller.problem("GET", "/vt/nobody.none/0/0/0.pbf", 404)
