"""GeoJSON's coordinates by whole columns, against GEOS' own reader and writer."""

import json
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import GeometryType

from gpserver.errors import InvalidValue
from gpserver.features.coordinates import geometry_texts, read_coordinates

TEXTS = [
    "POINT (1 2.5)",
    "LINESTRING (0 0, 1 1, -2 3e10)",
    "POLYGON ((0 0, 4 0, 4 4, 0 0), (2 1, 3 1, 3 2, 2 1))",
    "MULTIPOINT (1 2, 3 4)",
    "MULTILINESTRING ((0 0, 1 1), (2 2, 3 3, 4 4))",
    "MULTIPOLYGON (((0 0, 4 0, 4 4, 0 0), (2 1, 3 1, 3 2, 2 1)), ((5 5, 6 5, 6 6, 5 5)))",
]
geometries = st.sampled_from([shapely.from_wkt(text) for text in TEXTS])


@given(st.lists(st.none() | geometries, max_size=8))
def test_texts_are_those_of_geos(shapes: list[Any]) -> None:
    texts = geometry_texts(np.array(shapes, object)).to_pylist()
    assert [json.loads(text) for text in texts] == [
        None if shape is None else json.loads(shapely.to_geojson(shape)) for shape in shapes
    ]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("count", [0, 1, 3])
def test_coordinates_come_back(text: str, count: int) -> None:
    shape = shapely.from_wkt(text)
    nested = [json.loads(shapely.to_geojson(shape))["coordinates"]] * count
    found = read_coordinates(GeometryType(shapely.get_type_id(shape)), nested)
    assert shapely.equals_exact(found, shape).all()
    assert len(found) == count


def test_empty_and_mixed_collections_and_heights() -> None:
    texts = [
        "POINT EMPTY",
        "GEOMETRYCOLLECTION (POINT (1 2), POINT Z (3 4 5))",
        "LINESTRING Z (0 0 9, 1 1 9)",
    ]
    found = geometry_texts(shapely.from_wkt(texts), ',"srId":4326').to_pylist()
    assert found[0] == "null"
    assert json.loads(found[1])["geometries"][1] == {"type": "Point", "coordinates": [3, 4]}
    assert json.loads(found[2]) == {"type": "LineString", "coordinates": [[0, 0], [1, 1]], "srId": 4326}
    assert geometry_texts(np.array([], object)).to_pylist() == []
    (high,) = read_coordinates(GeometryType.POINT, [[1, 2, 3]])
    assert high.z == 3


@pytest.mark.parametrize(
    ("kind", "nested"),
    [
        (GeometryType.POINT, [[1]]),
        (GeometryType.POINT, [[1, 2, 3, 4]]),
        (GeometryType.POINT, [[1, 2], [1, 2, 3]]),
        (GeometryType.POINT, [{"x": 1, "y": 2}]),
        (GeometryType.LINESTRING, [[[0, 0]]]),
        (GeometryType.LINESTRING, ["12"]),
        (GeometryType.LINESTRING, [[["a", "b"], [1, 1]]]),
        (GeometryType.POLYGON, [[[0, 0], [1, 1], [1, 0], [0, 0]]]),
        (GeometryType.POLYGON, [[[[0, 0], [1, None], [1, 0], [0, 0]]]]),
        (GeometryType.MULTIPOLYGON, [None]),
    ],
)
def test_what_is_wrong_is_refused(kind: GeometryType, nested: list[Any]) -> None:
    with pytest.raises(InvalidValue):
        read_coordinates(kind, nested)
