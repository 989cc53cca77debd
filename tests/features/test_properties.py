"""Whatever the values: written and read again they are the same."""

import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import geopandas as gpd
import pytest
import shapely
from features import esri_pbuffer
from hypothesis import given
from hypothesis import strategies as st

from gpserver.features import (
    Layer,
    Selection,
    decode_features,
    encode_features,
    esri_json,
    geojson,
    pbf,
    write_layer,
)
from gpserver.features.quantization import Quantization
from gpserver.features.record import to_record

number = st.floats(allow_nan=False, allow_infinity=False)
degree = st.floats(-180, 180)
vertex = st.tuples(degree, degree)
nullable_text = st.none() | st.text()
columns = {
    "esriFieldTypeInteger": st.none() | st.integers(-(2**31), 2**31 - 1),
    "esriFieldTypeBigInteger": st.none() | st.integers(-(2**63), 2**63 - 1),
    "esriFieldTypeDouble": st.none() | number,
    "esriFieldTypeString": nullable_text,
    "esriFieldTypeDate": st.none() | st.integers(-(10**14), 10**14),
}
point = st.builds(lambda xy: {"x": xy[0], "y": xy[1]}, vertex)
multipoint = st.builds(lambda points: {"points": points}, st.lists(vertex, min_size=1, max_size=5))
path = st.lists(vertex, min_size=2, max_size=6)
polyline = st.builds(lambda paths: {"paths": paths}, st.lists(path, min_size=1, max_size=3))


@st.composite
def feature_sets(draw: st.DrawFn) -> dict[str, Any]:
    geometry = st.none() | draw(st.sampled_from([point, multipoint, polyline]))
    attributes = st.fixed_dictionaries(columns)
    feature = st.fixed_dictionaries({"attributes": attributes, "geometry": geometry})
    return {
        "spatialReference": {"wkid": 4326},
        "fields": [{"name": kind, "type": kind} for kind in columns],
        "features": draw(st.lists(feature, max_size=6)),
    }


def plain(features: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Features as JSON reads them, without the object ids."""
    for feature in features:
        feature["attributes"].pop("OBJECTID", None)
    return json.loads(json.dumps(features))


@given(feature_sets())
def test_values_and_coordinates_are_kept(feature_set: dict[str, Any]) -> None:
    text = encode_features(decode_features(json.dumps(feature_set)))
    assert plain(json.loads(text)["features"]) == plain(feature_set["features"])


@given(feature_sets())
def test_text_is_the_same_after_a_second_round(feature_set: dict[str, Any]) -> None:
    once = encode_features(
        decode_features(feature_set), "esriGeometryPolyline" if not feature_set["features"] else None
    )
    frame = decode_features(once)
    with TemporaryDirectory() as folder:
        write_layer(frame, Path(folder, "layer"), json.loads(once)["geometryType"])
        twice = b"".join(esri_json.write(Selection(Layer.open(Path(folder, "layer")))))
    assert json.loads(twice)["features"] == json.loads(once)["features"]


@given(feature_sets())
def test_geojson_and_the_protocol_buffer_say_the_same(feature_set: dict[str, Any]) -> None:
    layer = Layer(to_record(decode_features(feature_set), stored=True))
    ours = json.loads(b"".join(esri_json.write(Selection(layer))))["features"]
    rows = json.loads(b"".join(geojson.write(Selection(layer))))["features"]
    assert [row["properties"] for row in rows] == [row["attributes"] for row in ours]
    assert [flat((row["geometry"] or {}).get("coordinates") or []) for row in rows] == list(
        map(numbers, ours)
    )
    read = esri_pbuffer.features(b"".join(pbf.write(Selection(layer))))
    assert [row["attributes"] for row in read] == [row["attributes"] for row in ours]
    for one, other in zip(read, ours, strict=True):
        assert numbers(one) == pytest.approx(numbers(other), rel=0, abs=5.01e-10)


def numbers(feature: dict[str, Any]) -> list[float]:
    """The coordinates of an Esri feature."""
    return flat(list((feature["geometry"] or {}).values()))


def flat(value: Any) -> list[float]:
    """All numbers of nested lists."""
    return [number for member in value for number in flat(member)] if isinstance(value, list) else [value]


star = st.builds(
    lambda x, y, radii: shapely.Polygon(
        [
            (x + r * math.cos(2 * math.pi * k / len(radii)), y + r * math.sin(2 * math.pi * k / len(radii)))
            for k, r in enumerate(radii)
        ]
    ),
    st.floats(-1e7, 1e7),
    st.floats(-1e7, 1e7),
    st.lists(st.floats(10, 1e6), min_size=3, max_size=12),
)


@given(st.lists(star, min_size=1, max_size=5), st.randoms())
def test_polygons_are_the_same_whatever_the_order_of_their_rings(stars: list[Any], random: Any) -> None:
    union = shapely.union_all(stars)
    feature_set = json.loads(encode_features(gpd.GeoDataFrame(geometry=[union], crs=3857)))
    rings = feature_set["features"][0]["geometry"]["rings"]
    random.shuffle(rings)
    back = decode_features(feature_set).geometry[0]
    assert shapely.normalize(back).equals_exact(shapely.normalize(union))


@given(st.lists(star, min_size=1, max_size=3))
def test_shells_run_clockwise_and_holes_do_not(stars: list[Any]) -> None:
    frame = gpd.GeoDataFrame(geometry=[shapely.union_all(stars), *stars], crs=3857)
    for feature, geometry in zip(json.loads(encode_features(frame))["features"], frame.geometry, strict=True):
        rings = [shapely.LinearRing(ring) for ring in feature["geometry"]["rings"]]
        area = sum(shapely.Polygon(ring).area * (-1 if ring.is_ccw else 1) for ring in rings)
        assert math.isclose(area, geometry.area, rel_tol=1e-9)
        assert not rings[0].is_ccw


@given(st.lists(star, min_size=1, max_size=3), st.floats(1, 1e6), st.sampled_from(["upperLeft", "lowerLeft"]))
def test_a_grid_does_what_a_loop_over_vertices_does(stars: list[Any], size: float, position: str) -> None:
    frame = gpd.GeoDataFrame(geometry=[shapely.union_all(stars), *stars], crs=3857)
    plainly = json.loads(encode_features(frame))["features"]
    grid = Quantization(size, 5.0, 7.0, position, thins=True)
    for feature, read in zip(
        plainly, json.loads(encode_features(frame, quantization=grid))["features"], strict=True
    ):
        rings = [on_grid(ring, grid) for ring in feature["geometry"]["rings"]]
        assert ((read["geometry"] or {}).get("rings") or []) == [ring for ring in rings if len(ring) > 3]


def on_grid(ring: list[list[float]], grid: Quantization) -> list[list[int]]:
    """The steps of a ring, vertex by vertex."""
    down = -1 if grid.position == "upperLeft" else 1
    steps: list[list[int]] = []
    at = [0, 0]
    for x, y in ring:
        cell = [round((x - grid.x) / grid.scale), round((y - grid.y) / (down * grid.scale))]
        if cell != at or not steps:
            steps.append([cell[0] - at[0], cell[1] - at[1]])
        at = cell
    return steps
