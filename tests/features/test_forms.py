"""Every form in which clients send features."""

import json
from typing import Any

import pandas as pd
import pytest
import shapely
from pyproj import CRS

from gpserver.errors import InvalidValue
from gpserver.features import decode_features, decode_table

POINT = {"attributes": {"name": "a"}, "geometry": {"x": 1, "y": 2}}
FIELDS = [{"name": "name", "type": "esriFieldTypeString", "alias": "Name", "length": 10}]
POINTS = {
    "displayFieldName": "",
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 102100},
    "fields": FIELDS,
    "features": [POINT],
    "exceededTransferLimit": False,
}
GEOJSON_POINT = {
    "type": "Feature",
    "properties": {"name": "a"},
    "geometry": {"type": "Point", "coordinates": [1, 2]},
}


def layer(**definition: Any) -> dict[str, Any]:
    return {"layerDefinition": definition, "featureSet": {"features": [POINT]}}


@pytest.mark.parametrize(
    "value",
    [
        POINTS,
        json.dumps(POINTS),
        json.dumps(POINTS).encode(),
        b"\xef\xbb\xbf" + json.dumps(POINTS).encode(),
        layer(geometryType="esriGeometryPoint", spatialReference={"wkid": 102100}, fields=FIELDS),
        layer(extent={"spatialReference": {"wkid": 102100}}),
        {"layers": [layer(spatialReference={"latestWkid": 3857})]},
        {"features": [POINT], "sr": 102100},
        {"features": [POINT], "spatialReference": "102100"},
        {"features": [POINT], "spatialReference": 3857, "Fields": FIELDS},
        {
            "type": "FeatureCollection",
            "features": [GEOJSON_POINT],
            "crs": {"properties": {"name": "EPSG:3857"}},
        },
        "{features: [{attributes: {name: 'a'}, geometry: {x: 1, y: 2,}}], sr: 3857, }",
    ],
)
def test_one_point_in_many_forms(value: Any) -> None:
    frame = decode_features(value)
    assert frame["name"].tolist() == ["a"]
    assert frame.geometry.tolist() == [shapely.Point(1, 2)]
    assert frame.crs == CRS.from_epsg(3857)


@pytest.mark.parametrize(
    ("value", "wkt"),
    [
        ({"x": 1, "y": 2}, "POINT (1 2)"),
        ({"points": [[1, 2], [3, 4]]}, "MULTIPOINT (1 2, 3 4)"),
        ({"paths": [[[1, 2], [3, 4]]]}, "LINESTRING (1 2, 3 4)"),
        ({"rings": [[[0, 0], [0, 1], [1, 1], [0, 0]]]}, "POLYGON ((0 0, 0 1, 1 1, 0 0))"),
        ({"xmin": 0, "ymin": 0, "xmax": 2, "ymax": 1}, "POLYGON ((0 0, 0 1, 2 1, 2 0, 0 0))"),
        ({"type": "Point", "coordinates": [1, 2]}, "POINT (1 2)"),
        (
            {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
            "POLYGON ((0 0, 1 0, 1 1, 0 0))",
        ),
        (GEOJSON_POINT, "POINT (1 2)"),
    ],
)
def test_a_single_geometry_is_one_feature(value: dict[str, Any], wkt: str) -> None:
    frame = decode_features(value)
    assert frame.geometry.tolist() == [shapely.from_wkt(wkt)]


def test_geojson_is_wgs84() -> None:
    frame = decode_features(
        {"type": "FeatureCollection", "features": [GEOJSON_POINT, GEOJSON_POINT | {"geometry": None}]}
    )
    assert frame.crs == CRS.from_epsg(4326)
    assert frame.geometry.tolist() == [shapely.Point(1, 2), None]


def test_geojson_may_mix_geometry_types() -> None:
    line = GEOJSON_POINT | {
        "geometry": {"type": "LineString", "coordinates": [[0, 0], [1, 1]]},
        "properties": None,
    }
    frame = decode_features({"type": "FeatureCollection", "features": [GEOJSON_POINT, line]})
    assert frame.geom_type.tolist() == ["Point", "LineString"]
    assert frame["name"].isna().tolist() == [False, True]


def test_keys_that_nobody_knows_are_ignored() -> None:
    feature = POINT | {"aggregateGeometries": None, "symbol": {}, "popupTemplate": None, "uid": 7}
    frame = decode_features(POINTS | {"features": [feature], "transform": None, "objectIdFieldName": "x"})
    assert frame.columns.tolist() == ["name", "geometry"]


SCHEMA = {
    "geometryType": "esriGeometryPolygon",
    "spatialReference": {"wkid": 4326},
    "fields": [
        {"name": "OBJECTID", "type": "esriFieldTypeOID"},
        {"name": "size", "type": "esriFieldTypeDouble"},
        {"name": "Shape", "type": "esriFieldTypeGeometry"},
    ],
}


def test_the_schema_adds_what_the_set_leaves_out() -> None:
    frame = decode_features({"features": [{"attributes": {"size": 1}, "geometry": None}]}, SCHEMA)
    assert frame.crs == CRS.from_epsg(4326)
    assert frame["size"].dtype == "float64"
    assert frame.columns.tolist() == ["size", "geometry"]


def test_what_the_set_says_counts_more_than_the_schema() -> None:
    frame = decode_features(POINTS, SCHEMA)
    assert frame.crs == CRS.from_epsg(3857)
    assert frame.geom_type.tolist() == ["Point"]
    assert decode_features({"features": [POINT]}, SCHEMA).geom_type.tolist() == ["Point"]


def test_without_any_reference_the_crs_is_unknown() -> None:
    assert decode_features({"features": [POINT]}).crs is None


def test_an_empty_set_is_an_empty_frame() -> None:
    frame = decode_features(POINTS | {"features": []})
    assert len(frame) == 0
    assert frame.columns.tolist() == ["name", "geometry"]
    assert frame.crs == CRS.from_epsg(3857)


def point(x: float, y: float, wkid: int | None) -> dict[str, Any]:
    return {"geometry": {"x": x, "y": y} | ({"spatialReference": {"wkid": wkid}} if wkid else {})}


def test_the_reference_of_each_geometry_counts() -> None:
    features = [point(10, 50, 4326), point(1113194.9079, 6446275.841, 102100), point(10, 50, None)]
    frame = decode_features({"features": features})
    assert frame.crs == CRS.from_epsg(4326)
    assert frame.geometry.x.tolist() == pytest.approx([10, 10, 10])
    assert frame.geometry.y.tolist() == pytest.approx([50, 50, 50])


def test_geometries_are_brought_to_the_reference_of_the_set() -> None:
    ring = [[0, 0], [0, 10], [10, 10], [0, 0]]
    features = [
        {"geometry": None},
        {"geometry": {"rings": [ring, [[x + 50, y] for x, y in ring]], "spatialReference": {"wkid": 4326}}},
        {"geometry": {"rings": [ring]}},
    ]
    frame = decode_features({"features": features, "spatialReference": {"wkid": 3857}})
    assert frame.crs == CRS.from_epsg(3857)
    assert frame.geometry[0] is None
    assert frame.geometry[1].bounds == pytest.approx((0, 0, 6679169.447596414, 1118889.9748579597))
    assert frame.geometry[2].bounds == (0, 0, 10, 10)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("[1, 2]", "a list"),
        ("{}", "nothing"),
        ('"text"', "text"),
        ('{"features": [1, 2', "line 1"),
        ("", "JSON"),
        ({"features": {"a": 1}}, "list of features"),
        ({"features": [1]}, "JSON objects"),
        ({"features": [{"attributes": [1]}]}, "JSON objects"),
        ({"layers": []}, "one layer"),
        ({"layers": [layer(), layer()]}, "one layer"),
        ({"url": "http://localhost/"}, "found url"),
        ({"features": [{"compressedGeometry": "+1+2"}]}, "compressedGeometry"),
        ({"features": [{"geometry": {"curveRings": []}}]}, "true curves"),
        ({"features": [{"geometry": {"curvePaths": []}}]}, "true curves"),
        ({"features": [{"geometry": {"x": 1, "y": 2}}, {"geometry": {"paths": []}}]}, "one geometry type"),
        ({"features": [{"geometry": {"paths": []}}, {"geometry": {"x": 1, "y": 2}}]}, "one geometry type"),
        ({"features": [{"geometry": {"rings": [[1, 2], [3, 4]]}}]}, "features 0 to 0"),
        ({"features": [{"geometry": {"rings": [[["a", 2], [3, 4]]]}}]}, "features 0 to 0"),
        ({"features": [{"geometry": {"rings": [[[1], [2], [3]]]}}]}, "features 0 to 0"),
        ({"features": [{"geometry": {"paths": [[[1, None], [3, 4]]]}}]}, "without x or y"),
        ({"features": [{"geometry": {"x": "east", "y": 2}}]}, "features 0 to 0"),
        ({"features": [{"geometry": 5}, {"geometry": {"x": 1, "y": 2}}]}, "Not all geometries"),
        ({"geometryType": "esriGeometryMultiPatch", "features": []}, "esriGeometryMultiPatch"),
        ({"features": [POINT], "spatialReference": {"wkid": 999999}}, "999999"),
        ({"type": "FeatureCollection", "features": [{"geometry": {"type": "Point"}}]}, "not GeoJSON"),
        ({"type": "Topology", "objects": {}}, "Not a feature set"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(value: Any, reason: str) -> None:
    with pytest.raises(InvalidValue, match=reason):
        decode_features(value)


@pytest.mark.parametrize(
    "value",
    [
        {"fields": [{"name": "a", "type": "esriFieldTypeInteger"}], "features": [{"attributes": {"a": 1}}]},
        {"features": [{"attributes": {"a": 1}, "geometry": {"x": 1, "y": 2}}]},
        [{"a": 1}],
        '[{"attributes": {"a": 1}}]',
        {"type": "FeatureCollection", "features": [{"properties": {"a": 1}}]},
    ],
)
def test_a_table_in_many_forms(value: Any) -> None:
    pd.testing.assert_frame_equal(decode_table(value), pd.DataFrame({"a": [1]}))


def test_an_attribute_called_geometry_keeps_its_values() -> None:
    frame = decode_features(
        {"features": [{"attributes": {"geometry": "flat"}, "geometry": {"x": 1, "y": 2}}]}
    )
    assert frame["geometry_1"].tolist() == ["flat"]
    assert frame.geometry.tolist() == [shapely.Point(1, 2)]
