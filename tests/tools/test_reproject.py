"""Features in other spatial references, at the seams of the world."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS
from shapely import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box

from gpserver.errors import InvalidValue
from gpserver.tools.counts import counts_of
from gpserver.tools.reproject import reproject


def frame(*geometry, crs=4326):
    return gpd.GeoDataFrame({"id": range(len(geometry))}, geometry=list(geometry), crs=crs)


def test_every_vertex_is_where_geopandas_puts_it():
    hole = Polygon(box(1, 1, 9, 9).exterior, [box(2, 2, 3, 3).exterior])
    given = frame(
        Point(5, 5), hole, MultiPolygon([hole, box(20, 1, 21, 2)]), LineString([(0, 0), (3, 4)]), None
    )
    found = reproject(given, CRS(32632))
    assert shapely.equals_exact(found.geometry.array[:4], given.to_crs(32632).geometry.array[:4], 1e-6).all()
    assert (found.crs.to_epsg(), counts_of(found)) == (32632, (5, 5, 0))
    assert reproject(given, given.crs).geometry.iloc[1] == hole


def test_z_stays_and_m_is_dropped():
    given = frame(Point(5, 5, 7), Point(1, 1), shapely.from_wkt("LINESTRING ZM (1 2 3 4, 5 6 7 8)"))
    found = reproject(given, CRS(3857)).geometry
    assert found.iloc[0].z == 7
    assert (found.has_z.tolist(), shapely.has_m(found.array).tolist()) == ([True, False, True], [False] * 3)
    assert shapely.get_coordinates(found.iloc[2], include_z=True)[:, 2].tolist() == [3, 7]


def test_what_is_beyond_the_edge_becomes_null(caplog):
    found = reproject(frame(Point(0, 90), Point(0, 1)), CRS("+proj=ortho +lat_0=-60"))
    assert found.geometry.isna().tolist() == [True, False]
    assert counts_of(found).lost == 1
    assert "1 of 2 features lie beyond" in caplog.text


@pytest.mark.parametrize("target", [4326, 3857])
def test_what_crosses_180_degrees_is_cut_there(target):
    """A square of 200 km round 180°, in a projection about it."""
    pacific = CRS("+proj=laea +lat_0=-17 +lon_0=180")
    square = box(-1e5, -1e5, 1e5, 1e5)
    shapes = frame(square, GeometryCollection([square, Point(5, 5)]), Point(1e4, 0), crs=pacific)
    found = reproject(shapes, CRS(target)).to_crs(4326).geometry
    assert found.iloc[0].geom_type == "MultiPolygon"
    assert found.iloc[0].bounds[::2] == pytest.approx((-180, 180))
    assert found.iloc[0].area == pytest.approx(3.4, rel=0.05)
    assert found.iloc[1].area == pytest.approx(found.iloc[0].area)


def test_a_ring_round_the_pole_is_left_alone():
    ring = Point(0, 0).buffer(1e6)
    found = reproject(frame(ring, crs=3413), CRS(4326)).geometry.iloc[0]
    assert np.abs(shapely.get_coordinates(found)[:, 0]).max() <= 180


def test_longitudes_beyond_180_are_brought_back():
    pacific = frame(box(170, -10, 190, 10), box(350, 0, 370, 1), crs=4326)
    found = reproject(pacific, CRS(3857)).to_crs(4326).geometry
    assert shapely.area(found.array).tolist() == pytest.approx([400, 20])
    assert found.total_bounds.tolist() == pytest.approx([-180, -10, 180, 10])


def test_no_spatial_reference_is_an_error():
    with pytest.raises(InvalidValue, match="no spatial reference"):
        reproject(frame(Point(0, 0), crs=None), CRS(3857))
