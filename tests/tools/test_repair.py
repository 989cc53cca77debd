"""Validation and repair, with PostGIS as a second opinion."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import LineString, Point, Polygon, box

from gpserver.tools.counts import counts_of
from gpserver.tools.repair import invalid, repair

BOW_TIE = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
FLAT = Polygon([(0, 0), (1, 1), (2, 2)])


def frame(*geometry):
    return gpd.GeoDataFrame({"id": range(len(geometry))}, geometry=list(geometry), crs=32633)


def test_what_is_invalid_and_why():
    found = invalid(frame(box(0, 0, 1, 1), BOW_TIE, None, Polygon()))
    assert found.index.tolist() == [1]
    assert found.validation_error.tolist() == ["Self-intersection[1 1]"]
    assert found.geometry.iloc[0].equals_exact(BOW_TIE, 0)
    assert counts_of(found) == (4, 1, 0)


def test_repair_keeps_the_dimension_and_whatever_is_valid():
    z = Polygon([(5, 5, 1), (6, 5, 2), (6, 6, 3)])
    found = repair(frame(BOW_TIE, FLAT, z, LineString([(0, 0), (1, 1)]), None, Point(1, 2)))
    assert found.geometry.iloc[0].area == 2
    assert found.geometry.isna().tolist() == [False, True, False, False, True, False]
    assert found.geometry.iloc[2].has_z
    assert (counts_of(found), found.id.tolist()) == ((6, 6, 1), list(range(6)))


def test_nothing():
    assert len(repair(frame())) == len(invalid(frame())) == 0


def test_postgis_agrees(postgis):
    dice = np.random.default_rng(2)
    stars = [Polygon(dice.uniform(0, 10, (8, 2))) for _ in range(200)]
    query = (
        "SELECT ST_IsValid(g), ST_Area(ST_MakeValid(g, 'method=structure')) FROM (SELECT %s::geometry g) s"
    )
    asked = [postgis.execute(query, [shapely.to_wkb(star, hex=True)]).fetchone() for star in stars]
    assert invalid(frame(*stars)).id.tolist() == [n for n, (valid, _) in enumerate(asked) if not valid]
    assert repair(frame(*stars)).area.tolist() == pytest.approx([area for _, area in asked])
