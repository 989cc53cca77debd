"""Zones of several distances, by their areas."""

import math

import geopandas as gpd
import numpy as np
import pytest
from shapely import LineString, Point, box

from gpserver.errors import InvalidValue
from gpserver.tools.counts import counts_of
from gpserver.tools.zones import zones

CIRCLE = 64 * math.sin(2 * math.pi / 64) / 2
"""The area of a circle of radius 1 with 64 corners."""


@pytest.fixture
def places():
    return gpd.GeoDataFrame(
        {"name": ["a", "b"]}, geometry=[Point(0, 0), Point(15, 0)], crs=32633, index=[7, 3]
    )


def test_disks_of_each_feature_from_the_inner_one(places):
    found = zones(places, [20, 10])
    assert found.name.tolist() == ["a", "a", "b", "b"]
    assert found.index.tolist() == [7, 7, 3, 3]
    assert found.BUFF_DIST.tolist() == [10, 20, 10, 20]
    assert found.area.tolist() == pytest.approx([100 * CIRCLE, 400 * CIRCLE] * 2)
    assert found.Shape_Area.tolist() == found.area.tolist()
    assert counts_of(found) == (2, 4, 0)


def test_rings_add_up_to_the_largest_disk(places):
    found = zones(places, [10, 20, 30], rings=True)
    assert found.area.to_numpy().reshape(2, 3).sum(axis=1).tolist() == pytest.approx([900 * CIRCLE] * 2)
    assert found.area.iloc[1] == pytest.approx(300 * CIRCLE)


def test_a_distance_for_each_feature(places):
    found = zones(places, [np.array([10, 40]), 20])
    assert found.BUFF_DIST.tolist() == [10, 20, 20, 40]


def test_outside_of_polygons():
    frame = gpd.GeoDataFrame(geometry=[box(0, 0, 100, 100), LineString([(0, 0), (9, 9)])], crs=32633)
    whole, outside = zones(frame, [5]), zones(frame, [5], outside=True)
    assert outside.area.tolist() == pytest.approx([whole.area.iloc[0] - 10_000, whole.area.iloc[1]])


def test_dissolved_zones_of_all_features(places):
    found = zones(places, [10, 20], rings=True, dissolve=True)
    inner, outer = found.geometry
    assert found.columns.tolist() == ["geometry", "BUFF_DIST", "Shape_Length", "Shape_Area"]
    assert found.BUFF_DIST.tolist() == [10, 20]
    assert inner.area < 200 * CIRCLE
    assert inner.area + outer.area == pytest.approx(zones(places, [20], dissolve=True).area.iloc[0])
    assert inner.intersection(outer).area == pytest.approx(0, abs=1e-6)


def test_features_without_geometry_keep_their_zones_empty():
    frame = gpd.GeoDataFrame({"name": ["a", "b"]}, geometry=[None, Point(0, 0)], crs=32633)
    found = zones(frame, [1, 2])
    assert found.geometry.isna().tolist() == [True, True, False, False]
    assert counts_of(found) == (2, 4, 1)
    assert len(zones(frame, [1, 2], dissolve=True)) == 2


def test_no_features_and_no_distances(places):
    assert len(zones(places[:0], [1, 2])) == len(zones(places[:0], [1, 2], dissolve=True)) == 0
    with pytest.raises(InvalidValue, match="needs a distance"):
        zones(places, [])
    with pytest.raises(InvalidValue, match="one distance for all"):
        zones(places, [np.array([1, 2])], dissolve=True)
