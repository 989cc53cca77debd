"""The geometry of a query in every form that clients send."""

import json

import numpy as np
import pytest
import shapely
from pyproj import CRS, Transformer
from shapely import LineString, MultiLineString, MultiPoint, Point, box

from gpserver.errors import InvalidRequest
from gpserver.maps.query_geometry import read_geometry

WGS84, MERCATOR, UTM = CRS(4326), CRS(3857), CRS(32633)
TO_MERCATOR = Transformer.from_crs(4326, 3857, always_xy=True)


def read(text, kind="", in_sr=None, crs=WGS84):
    return read_geometry(text if isinstance(text, str) else json.dumps(text), kind, in_sr, crs)


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("10,50", "esriGeometryPoint", Point(10, 50)),
        (" 10 , 50.5 ", "", Point(10, 50.5)),
        ("1e1,-5", "esriGeometryPoint", Point(10, -5)),
        ("1,2,3,4", "esriGeometryEnvelope", box(1, 2, 3, 4)),
        ("3,4,1,2", "", box(1, 2, 3, 4)),
        ("1,2,1,2", "esriGeometryEnvelope", Point(1, 2)),
        ("1,2,1,4", "esriGeometryEnvelope", LineString([(1, 2), (1, 4)])),
        ({"x": 10, "y": 50}, "esriGeometryPoint", Point(10, 50)),
        ({"x": 10, "y": 50, "z": 3, "m": 1}, "esriGeometryPoint", Point(10, 50)),
        ({"points": [[1, 2], [3, 4]]}, "esriGeometryMultipoint", MultiPoint([(1, 2), (3, 4)])),
        ({"paths": [[[1, 2], [3, 4]]]}, "esriGeometryPolyline", LineString([(1, 2), (3, 4)])),
        (
            {"paths": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]},
            "",
            MultiLineString([[(1, 2), (3, 4)], [(5, 6), (7, 8)]]),
        ),
        ({"hasZ": True, "paths": [[[1, 2, 9], [3, 4, 9]]]}, "", LineString([(1, 2), (3, 4)])),
        ({"rings": [[[0, 0], [0, 2], [2, 2], [2, 0], [0, 0]]]}, "esriGeometryPolygon", box(0, 0, 2, 2)),
        ({"rings": [[[0, 0], [0, 2], [2, 2], [2, 0]]]}, "", box(0, 0, 2, 2)),
        ({"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4}, "esriGeometryEnvelope", box(1, 2, 3, 4)),
        ({"xmin": 3, "ymin": 4, "xmax": 1, "ymax": 2}, "", box(1, 2, 3, 4)),
        ("{x: 10, 'y': 50}", "esriGeometryPoint", Point(10, 50)),
    ],
)
def test_forms(text, kind, expected):
    geometry = read(text, kind)
    assert shapely.equals(geometry, expected)
    assert not geometry.has_z


def test_the_keys_count_more_than_the_type():
    assert read({"x": 1, "y": 2}, "esriGeometryEnvelope").equals(Point(1, 2))
    ring = {"rings": [[[0, 0], [0, 2], [2, 2], [2, 0], [0, 0]]]}
    assert read(ring, "esriGeometryEnvelope").equals(box(0, 0, 2, 2))


def test_a_parsed_geometry_is_taken_too():
    assert read_geometry({"x": 1, "y": 2}, "", None, WGS84).equals(Point(1, 2))


def test_rings_are_shells_and_holes_by_direction():
    hole = [[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]]
    donut = read({"rings": [[[0, 0], [0, 3], [3, 3], [3, 0], [0, 0]], hole]})
    assert donut.equals(box(0, 0, 3, 3) - box(1, 1, 2, 2))


def test_a_ring_that_crosses_itself_is_made_valid():
    assert read({"rings": [[[0, 0], [0, 4], [4, 0], [5, 4], [0, 0]]]}).is_valid


@pytest.mark.parametrize(
    "text",
    [
        '{"rings":[]}',
        '{"x":"NaN","y":"NaN"}',
        '{"x":null,"y":null}',
        '{"points":[]}',
        '{"xmin":null,"ymin":null,"xmax":null,"ymax":null}',
        '{"xmin":"NaN","ymin":1,"xmax":2,"ymax":3}',
        "nan,1",
        "1,inf",
    ],
)
def test_geometries_without_coordinates_are_empty(text):
    assert read(text).is_empty


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", ""),
        ("abc", "esriGeometryPoint"),
        ("1", "esriGeometryPoint"),
        ("1,2,3", "esriGeometryEnvelope"),
        ("1,2,3,4", "esriGeometryPolygon"),
        ("1,2,3,4", "esriGeometryPoint"),
        ("[1,2]", "esriGeometryPoint"),
        ("{}", "esriGeometryEnvelope"),
        ('{"xmin":1}', "esriGeometryEnvelope"),
        ('{"xmin":"a","ymin":1,"xmax":1,"ymax":1}', "esriGeometryEnvelope"),
        ('{"x":"a","y":1}', "esriGeometryPoint"),
        ('{"rings":5}', "esriGeometryPolygon"),
        ('{"rings":[[["a","b"]]]}', "esriGeometryPolygon"),
        ('{"curveRings":[]}', "esriGeometryPolygon"),
        ('{"x":1,"y":1', "esriGeometryPoint"),
        ('{"x":1,"y":1,"spatialReference":{"wkid":1}}', "esriGeometryPoint"),
    ],
)
def test_anything_else_is_refused(text, kind):
    with pytest.raises(InvalidRequest, match="'geometry' parameter is invalid: "):
        read(text, kind)


def test_an_unknown_type_is_refused():
    with pytest.raises(InvalidRequest, match="'geometryType' parameter is invalid"):
        read("1,2", "Point")


@pytest.mark.parametrize(
    "in_sr", [102100, "102100", '{"wkid":102100,"latestWkid":3857}', {"wkid": 3857}, MERCATOR]
)
def test_the_spatial_reference_of_the_request(in_sr):
    x, y = TO_MERCATOR.transform(10, 50)
    point = read({"x": x, "y": y}, in_sr=in_sr)
    np.testing.assert_allclose(point.coords[0], (10, 50), atol=1e-9)


def test_that_of_the_geometry_counts_more():
    point = read({"x": 10, "y": 50, "spatialReference": {"wkid": 4326}}, in_sr=3857, crs=MERCATOR)
    np.testing.assert_allclose(point.coords[0], TO_MERCATOR.transform(10, 50), atol=1e-6)


def test_without_any_it_is_that_of_the_layer():
    assert read("500000,5500000", crs=UTM).equals(Point(500000, 5500000))
    assert read("5,5", in_sr=4326, crs=None).equals(Point(5, 5))


def test_a_window_stays_one_between_degrees_and_mercator():
    window = read("10,50,12,52", "esriGeometryEnvelope", 4326, MERCATOR)
    assert len(window.exterior.coords) == 5
    expected = (*TO_MERCATOR.transform(10, 50), *TO_MERCATOR.transform(12, 52))
    np.testing.assert_allclose(window.bounds, expected, atol=1e-6)


def test_edges_are_bent_between_other_systems():
    """The parallel of 50° is an arc in UTM; in its middle it is far from the straight line of its ends."""
    window = read("12,50,18,51", "esriGeometryEnvelope", 4326, UTM)
    to_utm = Transformer.from_crs(4326, 32633, always_xy=True)
    inside, outside = (shapely.Point(to_utm.transform(15, latitude)) for latitude in (50.001, 49.999))
    assert window.covers(inside)
    assert not window.intersects(outside)
    line = read({"paths": [[[12, 50], [18, 50]]]}, "", 4326, UTM)
    assert line.distance(Point(to_utm.transform(15, 50))) < 1


@pytest.mark.parametrize("crs", [MERCATOR, WGS84, UTM, CRS(3035), CRS(2154), CRS(2193), CRS(3995)])
@pytest.mark.parametrize("in_sr", [4326, 3857])
def test_the_whole_world_is_a_window_of_every_system(in_sr, crs):
    world = "-180,-90,180,90" if in_sr == 4326 else "-20037508.35,-20037508.35,20037508.35,20037508.35"
    window = read(world, "esriGeometryEnvelope", in_sr, crs)
    west, south, east, north = crs.area_of_use.bounds
    middle = (west + east + 360 * (east < west)) / 2, (south + north) / 2
    x, y = Transformer.from_crs(4326, crs, always_xy=True).transform(*middle)
    assert window.is_valid
    assert window.intersects(Point(x, y))


def test_a_window_across_180_degrees_comes_in_on_the_other_side():
    x = 20037508.342789244
    window = read(f"{x - 1000},0,{x + 1000},1000", "esriGeometryEnvelope", 3857)
    degrees = 1000 / x * 180
    assert window.intersects(Point(-180 + degrees / 2, 0.001))
    assert window.intersects(Point(180 - degrees / 2, 0.001))
    assert not window.intersects(Point(0, 0.001))
    assert read(f"{x + 1000},500", "esriGeometryPoint", 3857).x == pytest.approx(-180 + degrees)


def test_where_the_layer_has_no_coordinates():
    orthographic = CRS.from_proj4("+proj=ortho +lat_0=50 +lon_0=10")
    with pytest.raises(InvalidRequest, match="no coordinates"):
        read("-170,-50", "esriGeometryPoint", 4326, orthographic)
