"""Stored layers: what comes back, in which order, and how much at a time."""

import json
import threading
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from pyproj import CRS

from gpserver.errors import InvalidRequest, InvalidValue
from gpserver.features import (
    Layer,
    LayerSummary,
    Selection,
    decode_features,
    encode_features,
    esri_json,
    write_layer,
)

COUNT = 3000


def squares(count: int, crs: Any = 32633) -> gpd.GeoDataFrame:
    """Squares in random places; every 7th has a hole, every 9th two parts, every 11th no geometry."""
    random = np.random.default_rng(count)
    x, y = random.uniform(0, 1e5, (2, count))
    geometry = shapely.box(x, y, x + 10, y + 10)
    geometry[::7] = shapely.difference(geometry[::7], shapely.box(x + 2, y + 2, x + 4, y + 4)[::7])
    geometry[::9] = shapely.union(geometry[::9], shapely.box(x + 20, y, x + 25, y + 5)[::9])
    geometry[::11] = None
    columns = {"n": np.arange(count, dtype=np.int32), "text": [f"row {n}" for n in range(count)]}
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=crs)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "result.arrow"


def text_of(layer: Layer, **options: Any) -> bytes:
    return b"".join(esri_json.write(Selection(layer, **options)))


@pytest.mark.parametrize("count", [0, 1, 512, 513, COUNT])
def test_a_layer_comes_back(path: Path, count: int) -> None:
    frame = squares(count)
    summary = write_layer(frame, path, "esriGeometryPolygon")
    layer = Layer.open(path)
    assert summary == LayerSummary(count, "esriGeometryPolygon", has_z=False, has_m=False)
    assert (layer.rows, layer.geometry_type, layer.crs) == (
        count,
        "esriGeometryPolygon",
        CRS.from_epsg(32633),
    )
    back = layer.frame()
    assert back["OBJECTID"].tolist() == list(range(1, count + 1))
    frame.geometry = frame.geometry.normalize()
    back.geometry = back.geometry.normalize()
    assert_geodataframe_equal(back.drop(columns="OBJECTID"), frame, check_index_type=False)


@pytest.mark.parametrize("options", [{}, {"exceeded": True}, {"out_crs": CRS.from_epsg(3857)}])
def test_a_stored_layer_reads_like_its_frame(path: Path, options: dict[str, Any]) -> None:
    frame = squares(COUNT)
    write_layer(frame, path)
    assert text_of(Layer.open(path), **options) == encode_features(frame, **options)


@pytest.mark.parametrize(
    "wkt",
    [
        ["POINT (1 2)", None, "POINT EMPTY"],
        ["POINT ZM (1 2 3 4)", None],
        ["POINT M (1 2 3)", None],
        ["MULTIPOINT (1 2, 3 4)", None, "MULTIPOINT (5 6)"],
        ["MULTIPOINT ZM (1 2 3 4, 5 6 7 8)", None],
        ["LINESTRING Z (1 2 3, 4 5 6)", None, "MULTILINESTRING Z ((1 2 3, 4 5 6), (7 8 9, 1 2 3))"],
        ["LINESTRING M (1 2 3, 4 5 6)", None],
        ["POLYGON Z ((0 0 1, 0 9 2, 9 9 3, 0 0 1))", None],
        ["POLYGON M ((0 0 1, 0 9 2, 9 9 3, 0 0 1))"],
        ["MULTIPOLYGON ZM (((0 0 1 5, 0 9 2 6, 9 9 3 7, 0 0 1 5)), ((9 0 1 5, 9 4 2 6, 20 4 3 7, 9 0 1 5)))"],
    ],
)
def test_every_geometry_type_comes_back(path: Path, wkt: list[str | None]) -> None:
    geometry = [None if text is None else shapely.from_wkt(text) for text in wkt]
    frame = gpd.GeoDataFrame(geometry=geometry, crs=4326)
    write_layer(frame, path)
    layer = Layer.open(path)
    expected = [None if shape is None or shape.is_empty else shape.wkt for shape in frame.geometry]
    assert [shape and shape.wkt for shape in layer.frame().geometry] == expected
    again = decode_features(text_of(layer, return_z=True, return_m=True))
    assert [shape and shape.wkt for shape in again.geometry] == expected
    assert (layer.has_z, layer.has_m) == (
        shapely.has_z(frame.geometry).any(),
        shapely.has_m(frame.geometry).any(),
    )


def test_a_table_comes_back(path: Path) -> None:
    table = pd.DataFrame(
        {"when": pd.to_datetime(["2020-01-02", None]).as_unit("ms"), "n": pd.array([1, None], "Int32")}
    )
    assert write_layer(table, path) == LayerSummary(2, None, has_z=False, has_m=False)
    layer = Layer.open(path)
    assert layer.crs is None
    assert layer.extent is None
    pd.testing.assert_frame_equal(layer.frame().drop(columns="OBJECTID"), table)
    assert text_of(layer) == encode_features(table)


def test_neighbours_are_stored_together(path: Path) -> None:
    write_layer(squares(COUNT), path)
    boxes = pa.ipc.open_file(path).get_batch(0)
    names = boxes.schema.names[-6:]
    assert names == ["xmin", "ymin", "xmax", "ymax", "geometry", "rank"]
    x = boxes["xmin"].drop_null().to_numpy()
    assert np.abs(np.diff(x)).mean() < 1e4


def test_geometry_is_geoarrow(path: Path) -> None:
    frame = squares(100)
    write_layer(frame, path)
    with pa.ipc.open_file(path) as file:
        read = gpd.GeoDataFrame.from_arrow(file.read_all().select(["n", "geometry"]))
    assert (
        shapely.equals(read.geometry.array, frame.geometry.array).tolist() == frame.geometry.notna().tolist()
    )


def test_the_extent_is_that_of_all_features(path: Path) -> None:
    frame = squares(COUNT)
    write_layer(frame, path)
    layer = Layer.open(path)
    assert layer.extent == frame.total_bounds.tolist()
    definition = layer.layer_definition()
    assert definition["extent"]["spatialReference"] == {"wkid": 32633, "latestWkid": 32633}
    assert (definition["geometryType"], definition["objectIdField"]) == ("esriGeometryPolygon", "OBJECTID")
    assert definition["fields"] == layer.fields


def test_the_order_is_that_of_the_frame_whatever_its_ids(path: Path) -> None:
    frame = squares(COUNT).assign(OBJECTID=np.random.default_rng(1).permutation(COUNT) + 1)
    write_layer(frame, path)
    features = json.loads(text_of(Layer.open(path)))["features"]
    assert [row["attributes"]["OBJECTID"] for row in features] == frame["OBJECTID"].tolist()
    assert [row["attributes"]["n"] for row in features] == list(range(COUNT))


def test_attributes_may_have_the_names_of_our_own_columns(path: Path) -> None:
    names = ["xmin", "geometry_1", "rank", "row", "ymax"]
    frame = squares(COUNT).drop(columns=["n", "text"]).assign(**{name: name for name in names})
    write_layer(frame, path)
    assert Layer.open(path).frame()[names].iloc[-1].tolist() == names


def test_text_comes_in_chunks(path: Path) -> None:
    frame = gpd.GeoDataFrame(geometry=shapely.points(np.arange(20_000), 0), crs=4326)
    write_layer(frame, path)
    pieces = list(esri_json.write(Selection(Layer.open(path))))
    assert len(pieces) == 5
    assert [row["geometry"]["x"] for row in json.loads(b"".join(pieces))["features"]] == list(range(20_000))


def test_chunks_are_bounded_by_vertices_too(path: Path) -> None:
    angles = np.linspace(0, 7, 30_000)
    long = shapely.linestrings(np.cos(angles), np.sin(angles))
    geometry = [long] * 9 + [shapely.LineString([(0, 0), (1, 1)])] * 100 + [None]
    write_layer(gpd.GeoDataFrame(geometry=geometry, crs=4326), path)
    pieces = list(esri_json.write(Selection(Layer.open(path))))
    assert max(map(len, pieces)) < 4_000_000
    assert len(json.loads(b"".join(pieces))["features"]) == 110


def test_a_failed_write_leaves_nothing_behind(path: Path) -> None:
    with pytest.raises(InvalidValue):
        write_layer(pd.DataFrame({"v": [b"x"]}), path)
    with pytest.raises(FileNotFoundError):
        write_layer(squares(3), path.parent / "absent" / "result.arrow")
    assert list(path.parent.iterdir()) == []


def test_a_layer_can_be_replaced_while_it_is_read(path: Path) -> None:
    write_layer(squares(10), path)
    old = Layer.open(path)
    expected = text_of(old)
    write_layer(squares(20), path)
    assert text_of(old) == expected
    assert Layer.open(path).rows == 20
    assert [item.name for item in path.parent.iterdir()] == ["result.arrow"]


def test_threads_may_read_one_layer(path: Path) -> None:
    write_layer(squares(COUNT), path)
    layer, texts = Layer.open(path), list[bytes]()
    threads = [
        threading.Thread(target=lambda: texts.append(text_of(layer, out_crs=CRS.from_epsg(4326))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 8
    assert len(set(texts)) == 1


def test_a_custom_system_is_kept(path: Path) -> None:
    crs = CRS.from_proj4("+proj=aea +lat_1=40 +lat_2=50 +lat_0=45 +lon_0=11.5 +datum=WGS84 +units=m")
    write_layer(squares(3, crs), path)
    layer = Layer.open(path)
    assert set(json.loads(text_of(layer))["spatialReference"]) == {"wkt"}
    assert json.loads(text_of(layer, out_crs=CRS.from_epsg(4326)))["features"][1]["geometry"]["rings"][0][0][
        1
    ] == pytest.approx(45, abs=2)


def test_columns_are_found_by_name_in_any_case(path: Path) -> None:
    write_layer(pd.DataFrame({"Name": ["a"], "NAME": ["b"], "other": [1]}), path)
    layer = Layer.open(path)
    found = [layer.column(name).to_pylist() for name in ("Name", "NAME", "name", "OTHER", "objectid")]
    assert found == [["a"], ["b"], ["a"], [1], [1]]
    with pytest.raises(InvalidRequest, match=r"no field xmin.*Name, NAME, other"):
        layer.column("xmin")


@pytest.mark.parametrize("count", [0, 1, 511, 512, 513, COUNT])
def test_boxes_and_order_are_those_of_the_rows(path: Path, count: int) -> None:
    frame = squares(count)
    write_layer(frame, path)
    layer = Layer.open(path)
    np.testing.assert_array_equal(layer.boxes[layer.order], frame.bounds.to_numpy())
    assert layer.rank[layer.order].tolist() == list(range(count))
    assert layer.object_ids[layer.order].tolist() == list(range(1, count + 1))


@pytest.mark.parametrize("size", [0.0, 10.0, 1e3, 1e5, np.inf])
def test_a_window_finds_the_rows_that_it_touches(path: Path, size: float) -> None:
    frame = squares(COUNT)
    write_layer(frame, path)
    layer = Layer.open(path)
    for x, y in np.random.default_rng(3).uniform(0, 1e5, (20, 2)):
        window = (x, y, x + size, y + size)
        expected = frame.geometry.notna() & shapely.intersects(shapely.box(*window), _boxes(frame))
        found = layer.window(*window)
        assert (np.diff(found) > 0).all()
        assert np.sort(layer.rank[found]).tolist() == np.flatnonzero(expected).tolist()


def _boxes(frame: gpd.GeoDataFrame) -> Any:
    return shapely.box(*frame.bounds.to_numpy().T)


def test_a_window_touches_by_its_border(path: Path) -> None:
    write_layer(gpd.GeoDataFrame(geometry=[shapely.Point(1, 2), None], crs=4326), path)
    layer = Layer.open(path)
    assert layer.window(1, 2, 1, 2).tolist() == [0]
    assert layer.window(0, 0, 1, 2).tolist() == [0]
    assert layer.window(1.1, 2, 3, 3).tolist() == []


def test_tables_and_layers_without_geometry_have_no_place(path: Path) -> None:
    write_layer(pd.DataFrame({"n": [1, 2]}), path)
    assert Layer.open(path).window(-np.inf, -np.inf, np.inf, np.inf).tolist() == []
    write_layer(gpd.GeoDataFrame(geometry=[None] * 600, crs=4326), path)
    assert Layer.open(path).window(-np.inf, -np.inf, np.inf, np.inf).tolist() == []
