"""A layer in an object store: the same answers as from a file, of the bytes that they need."""

import json
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from objectstore import Bucket

from gpserver.features import Layer, Selection, esri_json, write_layer
from gpserver.maps.query import Query, rows_of
from gpserver.objects import Objects, Pieces

COUNT = 20_000


def frame(kind: str) -> pd.DataFrame:
    random = np.random.default_rng(5)
    points = shapely.points(random.uniform(0, 1000, (COUNT, 2)))
    if kind == "polygons":
        geometry = shapely.buffer(points, 2, quad_segs=8)
        geometry[::7] = shapely.difference(geometry[::7], shapely.buffer(points[::7], 1))
        geometry[5::500] = shapely.union(geometry[5::500], shapely.box(2000, 2000, 2001, 2001))
    elif kind == "lines":
        ends = shapely.get_coordinates(points)
        geometry = shapely.linestrings(np.stack([ends, ends + 2], axis=1))
    else:
        geometry = points
    geometry[3::1000] = None
    names = pd.Series([None if n % 5 == 0 else f"name {n}" * (n % 3) for n in range(COUNT)])
    table = {"name": names, "value": random.normal(size=COUNT), "count": np.arange(COUNT, dtype=np.int16)}
    if kind == "table":
        return pd.DataFrame(table)
    return gpd.GeoDataFrame(table, geometry=geometry, crs=32633)


@pytest.fixture(scope="module", params=["polygons", "lines", "points", "table"])
def places(
    bucket: Bucket, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> tuple[Path, Objects, str]:
    """The file of a layer, and the store and the name of the same one there."""
    path, objects = tmp_path_factory.mktemp(request.param) / "near.arrow", Objects(bucket.url)
    write_layer(frame(request.param), path)
    objects.put(request.param, path)
    return path, objects, request.param


def far(places: tuple[Path, Objects, str], folder: Path) -> Layer:
    _, objects, name = places
    Pieces.expect(folder / "far.arrow", objects, name)
    return Layer.open(folder / "far.arrow")


def text_of(selection: Selection) -> str:
    return b"".join(esri_json.write(selection)).decode()


def test_whole_layers_are_equal(places: tuple[Path, Objects, str], tmp_path: Path) -> None:
    near = Layer.open(places[0])
    assert text_of(Selection(far(places, tmp_path))) == text_of(Selection(near))
    pd.testing.assert_frame_equal(far(places, tmp_path).frame(), near.frame())


@pytest.mark.parametrize(
    "query",
    [
        Query(window=(400, 400, 430, 420)),
        Query(window=(400, 400, 500, 500), where=("name LIKE '%9'",)),
        Query(window=(400, 400, 500, 500), order="name DESC, value"),
        Query(geometry=shapely.Point(300, 300).buffer(25)),
        Query(geometry=shapely.box(290, 290, 333, 333)),
        Query(object_ids=(1, 17, 4711, 19_999)),
        Query(where=("count BETWEEN 100 AND 140",)),
    ],
    ids=str,
)
def test_queries_are_equal(places: tuple[Path, Objects, str], tmp_path: Path, query: Query) -> None:
    near = Layer.open(places[0])
    if near.geometry_type is None:  # it is nowhere
        query = replace(query, window=None, geometry=None)
    remote = far(places, tmp_path)
    found = Selection(remote, rows_of(remote, query))
    assert text_of(found) == text_of(Selection(near, rows_of(near, query)))
    assert len(found)


@pytest.mark.parametrize("places", ["polygons"], indirect=True)
def test_a_window_costs_what_it_shows(
    places: tuple[Path, Objects, str], bucket: Bucket, tmp_path: Path
) -> None:
    bucket.proxy.exchanges.clear()
    layer = far(places, tmp_path)
    assert layer.extent
    opened = sum(item.sent for item in bucket.proxy.gets("polygons"))
    assert opened <= 4 * 16384, "the head and the footer"
    rows = rows_of(layer, Query(window=(500, 500, 600, 600)))
    assert 150 < len(rows) < 400
    features = json.loads(text_of(Selection(layer, rows, fields=layer.fields[:1])))["features"]
    assert len(features) == len(rows)
    gets, size = bucket.proxy.gets("polygons"), places[0].stat().st_size
    assert sum(item.sent for item in gets) < size / 10
    again = len(gets)
    text_of(Selection(far(places, tmp_path), rows, fields=layer.fields[:1]))
    assert len(bucket.proxy.gets("polygons")) == again, "what is here is not asked for again"


@pytest.mark.parametrize("kind", ["polygons", "points", "table"])
def test_layers_without_rows(bucket: Bucket, tmp_path: Path, kind: str) -> None:
    path, objects = tmp_path / "near.arrow", Objects(bucket.url)
    write_layer(frame(kind).iloc[:0], path)
    objects.put(f"no-{kind}", path)
    layer = far((path, objects, f"no-{kind}"), tmp_path)
    assert text_of(Selection(layer)) == text_of(Selection(Layer.open(path)))
    assert len(layer.window(0, 0, 1, 1)) == 0
