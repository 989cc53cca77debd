"""Polygons shrink: in the plane as in PostGIS; on the globe by what lies near their edge."""

import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Geod
from scipy.spatial import cKDTree
from shapely import LineString, MultiPolygon, Point, Polygon, box

from gpserver.tools.buffer import buffer
from gpserver.tools.counts import counts_of
from gpserver.tools.measure import ground_area
from gpserver.tools.zones import zones

WGS84 = Geod(ellps="WGS84")


def layer(*shapes, crs=4326):
    return gpd.GeoDataFrame(geometry=list(shapes), crs=crs)


def xyz(flat):
    longitude, latitude = np.radians(flat).T
    return np.column_stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]
    )


def gaps(one, other):
    """Metres from points on a line to the nearest of many points on another."""
    here, there = (
        shapely.get_coordinates(shapely.segmentize(line, line.length / 2000)) for line in (one, other)
    )
    return WGS84.inv(*here.T, *there[cKDTree(xyz(there)).query(xyz(here))[1]].T)[2]


def test_in_the_plane_nothing_is_left_of_what_is_thin_or_has_no_area():
    frame = layer(box(0, 0, 100, 50), box(0, 0, 100, 9), LineString([(0, 0), (9, 9)]), Point(1, 1), crs=32633)
    found = buffer(frame, -5)
    assert found.area.tolist()[0] == 90 * 40
    assert found.geometry.isna().tolist() == [False, True, True, True]
    assert counts_of(found) == (4, 4, 3)


@pytest.mark.parametrize("corner", [(10, 0), (10, 50), (-70, -75)])
@pytest.mark.parametrize("size", [0.2, 1, 9])
def test_on_the_globe_the_new_edge_lies_at_the_distance(corner, size):
    shape = box(*corner, corner[0] + size, corner[1] + size)
    meters = size * 5000
    found = buffer(layer(shape), -meters).geometry.iloc[0]
    assert found.is_valid
    assert shape.contains(found)
    np.testing.assert_allclose(gaps(found.exterior, shape.exterior), meters, rtol=2e-3)


def share(shape, meters, crs=4326):
    frame = layer(shape, crs=crs)
    found = buffer(frame, -meters)
    assert found.geometry.is_valid.all()
    return float(
        ground_area(found.geometry.to_numpy(), frame.crs)[0]
        / ground_area(frame.geometry.to_numpy(), frame.crs)[0]
    )


def test_the_seam_of_the_world_is_no_edge():
    elsewhere = share(box(-10, -20, 10, -10), 10_000)
    cut = MultiPolygon([box(170, -20, 180, -10), box(-180, -20, -170, -10)])
    assert share(cut, 10_000) == pytest.approx(elsewhere, rel=1e-6)
    assert share(box(170, -20, 190, -10), 10_000) == pytest.approx(elsewhere, rel=1e-6)
    half = share(box(170, -20, 180, -10), 10_000)
    assert half == pytest.approx(share(box(0, -20, 10, -10), 10_000), rel=1e-6)


def test_poles_are_no_edge():
    cap = box(-180, 60, 180, 90)
    radius = 6371007.18
    expected = (1 - math.sin(math.radians(60) + 100_000 / radius)) / (1 - math.sin(math.radians(60)))
    assert share(cap, 100_000) == pytest.approx(expected, rel=2e-3)
    assert share(box(-180, -90, 180, 90), 100_000) == 1
    band = gpd.GeoSeries([box(-180, 60, 180, 80)], crs=4326).to_crs(3857).iloc[0]
    assert 0.9 < share(band, 100_000, crs=3857) < 1


def test_zones_that_vanish_are_left_out_and_counted():
    frame = gpd.GeoDataFrame(
        {"name": ["a", "b", "c"]}, geometry=[box(0, 0, 100, 100), box(0, 0, 9, 9), None], crs=32633
    )
    found = zones(frame, [-10, -30])
    assert found[["name", "BUFF_DIST"]].to_numpy().tolist() == [["a", -30], ["a", -10]]
    assert found.area.tolist() == [40 * 40, 80 * 80]
    assert counts_of(found) == (3, 2, 2)
    rings = zones(frame, [-10, -30, -4], rings=True)
    assert rings[["name", "BUFF_DIST"]].to_numpy().tolist() == [["a", -30], ["a", -10], ["a", -4], ["b", -4]]
    assert rings.area.tolist() == [1600, 6400 - 1600, 92 * 92 - 6400, 1]
    both = zones(frame, [-10, 10], rings=True)
    assert both.name.tolist() == ["a", "a", "b", "c"]
    assert len(zones(frame, [-10], dissolve=True)) == 1


def test_postgis_agrees(postgis):
    dice = np.random.default_rng(3)
    shapes = [
        Polygon(np.column_stack([radius * np.cos(turn), radius * np.sin(turn)]))
        for radius in dice.uniform(5, 20, (40, 12))
        for turn in [np.linspace(0, 2 * np.pi, 12, endpoint=False)]
    ]
    found = buffer(layer(*shapes, crs=32633), -6)
    expected = [
        postgis.execute(
            "SELECT ST_Area(ST_Buffer(%s::geometry, -6, 'quad_segs=16'))", [shapely.to_wkb(shape, hex=True)]
        ).fetchone()[0]
        for shape in shapes
    ]
    assert found.area.fillna(0).tolist() == pytest.approx(expected)
    assert (found.geometry.isna() == (np.array(expected) == 0)).all()
