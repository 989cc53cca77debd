"""Esri geometry objects: ordinates, empty geometries, and odd but readable ones."""

from typing import Any

import pytest
import shapely

from gpserver.features import decode_features


def read(*geometries: Any, **header: Any) -> list[str | None]:
    features = [{"geometry": geometry} for geometry in geometries]
    return [shape and shape.wkt for shape in decode_features({"features": features, **header}).geometry]


@pytest.mark.parametrize(
    ("geometry", "wkt"),
    [
        ({"x": 1, "y": 2}, "POINT (1 2)"),
        ({"x": "1.5", "y": 2}, "POINT (1.5 2)"),
        ({"x": 1, "y": 2, "z": 3}, "POINT Z (1 2 3)"),
        ({"x": 1, "y": 2, "m": 3}, "POINT M (1 2 3)"),
        ({"x": 1, "y": 2, "z": 3, "m": 4}, "POINT ZM (1 2 3 4)"),
        ({"x": 1, "y": 2, "z": None}, "POINT (1 2)"),
        ({"x": 1, "y": 2, "z": "NaN"}, "POINT (1 2)"),
        ({"points": [[1, 2], [3, 4]]}, "MULTIPOINT ((1 2), (3 4))"),
        ({"points": [[1, 2, 3, 4]]}, "MULTIPOINT ZM ((1 2 3 4))"),
        ({"points": [[1, 2, 3, 4, 5]]}, "MULTIPOINT ZM ((1 2 3 4))"),
        ({"paths": [[[1, 2, 3], [4, 5, 6]]]}, "LINESTRING Z (1 2 3, 4 5 6)"),
        ({"paths": [[[1, 2], [4, 5, 6]]]}, "LINESTRING Z (1 2 NaN, 4 5 6)"),
        ({"paths": [[[1, 2, None], [4, 5, "NaN"]]]}, "LINESTRING (1 2, 4 5)"),
        ({"paths": [[[1, 2], [3, 4]], [[5, 6]], []]}, "LINESTRING (1 2, 3 4)"),
        ({"paths": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]}, "MULTILINESTRING ((1 2, 3 4), (5 6, 7 8))"),
        ({"paths": None, "hasZ": True}, None),
        ({"points": []}, None),
        ({"rings": []}, None),
        ({"x": None, "y": None}, None),
        ({"x": "NaN", "y": "NaN"}, None),
        ({"x": None}, None),
        ({}, None),
        (None, None),
        ({"spatialReference": {"wkid": 4326}}, None),
        ({"xmin": "NaN", "ymin": 0, "xmax": 1, "ymax": 1}, None),
    ],
)
def test_one_geometry(geometry: Any, wkt: str | None) -> None:
    assert read(geometry) == [wkt]
    assert read(None, geometry, {}) == [None, wkt, None]


def test_m_is_told_from_z_by_the_set() -> None:
    line = {"paths": [[[1, 2, 3], [4, 5, 6]]]}
    assert read(line, hasM=True) == ["LINESTRING M (1 2 3, 4 5 6)"]
    assert read(line, hasM=True, hasZ=True) == ["LINESTRING Z (1 2 3, 4 5 6)"]
    assert read({"points": [[1, 2, 3]]}, hasM=True) == ["MULTIPOINT M ((1 2 3))"]


def test_measured_polygons_keep_their_holes() -> None:
    rings = [
        [[0, 0, 1], [0, 9, 2], [9, 9, 3], [9, 0, 4], [0, 0, 1]],
        [[1, 1, 5], [2, 1, 6], [2, 2, 7], [1, 1, 5]],
        [[20, 0, 1], [20, 9, 2], [29, 9, 3], [20, 0, 1]],
    ]
    assert read({"rings": rings}, hasM=True) == [
        "MULTIPOLYGON M (((0 0 1, 0 9 2, 9 9 3, 9 0 4, 0 0 1), (1 1 5, 2 1 6, 2 2 7, 1 1 5)), "
        "((20 0 1, 20 9 2, 29 9 3, 20 0 1)))"
    ]


def test_envelopes_are_polygons() -> None:
    box = {"xmin": 0, "ymin": 1, "xmax": 2, "ymax": 3}
    triangle = {"rings": [[[0, 0], [1, 1], [1, 0], [0, 0]]]}
    polygon = "POLYGON ((0 1, 0 3, 2 3, 2 1, 0 1))"
    assert read(box, geometryType="esriGeometryEnvelope") == [polygon]
    assert read(triangle, box) == ["POLYGON ((0 0, 1 1, 1 0, 0 0))", polygon]


def test_chunks_may_differ_in_their_ordinates() -> None:
    flat, high = {"paths": [[[0, 0], [1, 1]]]}, {"paths": [[[0, 0, 5], [1, 1, 6]]]}
    shapes = decode_features({"features": [{"geometry": flat}] * 4096 + [{"geometry": high}]}).geometry
    assert shapes.iloc[-1].wkt == "LINESTRING Z (0 0 5, 1 1 6)"
    assert shapes.iloc[0].wkt == "LINESTRING Z (0 0 NaN, 1 1 NaN)"


def test_the_type_may_be_known_only_in_a_later_chunk() -> None:
    features = [{"geometry": None}] * 5000 + [{"geometry": {"x": 1, "y": 2}}]
    shapes = decode_features({"features": features}).geometry
    assert shapes.notna().sum() == 1
    assert shapes.iloc[-1] == shapely.Point(1, 2)
