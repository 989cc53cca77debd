"""The series of short geodesics against GeographicLib's."""

import numpy as np
import pytest
from pyproj import CRS, Geod

from gpserver.tools.globe import globe_of
from gpserver.tools.vicinity import FARTHEST, away, from_centre, reach, series

WGS84 = Geod(ellps="WGS84")


@pytest.fixture
def places():
    """Centres all over the globe and, about each, places in the plane as far away as the series go."""
    dice = np.random.default_rng(2)
    centres = np.column_stack([dice.uniform(-180, 180, 500), dice.uniform(-89.5, 89.5, 500)])
    farthest = FARTHEST / reach(globe_of(CRS(4326)), centres, np.ones(500))
    azimuth, meters = dice.uniform(0, 2 * np.pi, 20_000), dice.uniform(0, 1, 20_000)
    owner = np.repeat(np.arange(500), 40)
    meters *= farthest[owner]
    return centres, owner, np.column_stack([np.sin(azimuth), np.cos(azimuth)]) * meters[:, None]


def test_places_lie_where_the_geodesic_ends(places):
    centres, owner, plane = places
    there = centres[owner] + away(series(globe_of(CRS(4326)), centres), owner, plane)
    meters, azimuth = np.hypot(*plane.T), np.degrees(np.arctan2(*plane.T))
    longitude, latitude, _ = WGS84.fwd(*centres[owner].T, azimuth, meters)
    apart = WGS84.inv(longitude, latitude, *there.T)[2]
    assert (apart <= 2e-6 * meters + 1e-6).all()


def test_the_way_back_ends_at_the_start(places):
    centres, owner, plane = places
    coefficients = series(globe_of(CRS(4326)), centres)
    again = from_centre(coefficients, owner, away(coefficients, owner, plane))
    assert (np.hypot(*(again - plane).T) <= 2e-6 * np.hypot(*plane.T) + 1e-6).all()
