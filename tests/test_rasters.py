"""Rasters on disk: what is written is read back, by window, in any spatial reference."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import CRS
from rasterio.transform import from_bounds

from gpserver import Raster
from gpserver.errors import InvalidValue
from gpserver.rasters import read_facts, read_raster, read_sample, read_window, values_at, write_raster

WGS84, WEB_MERCATOR = CRS.from_epsg(4326), CRS.from_epsg(3857)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Rows of 3, 2 and 1 from north to south, without a value in the west."""
    values = np.repeat([[3.0], [2.0], [1.0]], 4, axis=1)
    values[:, 0] = np.nan
    write_raster(Raster(values, (0, 0, 40, 30), 4326), tmp_path / "grid.tif")
    return tmp_path / "grid.tif"


def test_facts(path: Path) -> None:
    facts = read_facts(path)
    assert (facts.extent, facts.bands) == ((0, 0, 40, 30), 1)
    assert facts.crs == WGS84
    assert sorted(set(read_sample(path).tolist())) == [1, 2, 3]


def test_other_programs_read_the_file(path: Path) -> None:
    with rasterio.open(path) as file:
        assert file.crs.to_epsg() == 4326
        assert file.read(1)[0, 1] == 3


def test_a_window(path: Path) -> None:
    window = read_window(path, (0, 0, 40, 30), WGS84, 4, 3)
    assert window.shape == (1, 3, 4)
    assert window.mask[0, :, 0].all()
    assert window[0, :, 2].tolist() == [3, 2, 1]
    assert read_window(path, (100, 0, 140, 30), WGS84, 4, 3).mask.all()


def test_a_window_in_another_spatial_reference(path: Path) -> None:
    window = read_window(path, (0, 0, 4_400_000, 3_500_000), WEB_MERCATOR, 44, 35)
    assert not window.mask[0, 5:30, 15:40].any()
    assert (window[0, 2, 20], window[0, 32, 20]) == (3, 1)


def test_values_at_a_place(path: Path) -> None:
    assert values_at(path, 15, 25) == [3]
    assert values_at(path, 5, 25) == [None]
    assert values_at(path, 500, 25) == [None]


def test_bands_bytes_and_a_raster_without_a_reference(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.uint8).reshape(3, 2, 4)
    write_raster(Raster(values, (0, 0, 4, 2), nodata=0), tmp_path / "rgb.tif")
    facts = read_facts(tmp_path / "rgb.tif")
    assert (facts.bands, facts.crs) == (3, None)
    window = read_window(tmp_path / "rgb.tif", (0, 0, 4, 2), None, 4, 2)
    assert window.dtype == np.uint8
    assert window[2].tolist() == values[2].tolist()
    assert window.mask[0, 0, 0]


@pytest.mark.parametrize("values", [np.zeros((0, 4)), np.zeros(4), np.array([["a"]])])
def test_what_is_no_grid_is_refused(tmp_path: Path, values: np.ndarray) -> None:
    with pytest.raises(InvalidValue, match="rows, columns"):
        write_raster(Raster(values, (0, 0, 1, 1)), tmp_path / "a.tif")


def test_a_raster_is_read_back(tmp_path: Path) -> None:
    raster = Raster(np.arange(12.0).reshape(3, 4), (0, 0, 4, 3), 3857)
    write_raster(raster, tmp_path / "a.tif")
    found = read_raster(tmp_path / "a.tif")
    assert (found.values == raster.values).all()
    assert found.extent == (0, 0, 4, 3)


def test_a_raster_that_names_another_file_is_not_read(tmp_path: Path) -> None:
    """A virtual raster of GDAL would lead to any file of this machine, or to any URL."""
    write_raster(Raster(np.zeros((3, 4)), (0, 0, 4, 3), 3857), tmp_path / "secret.tif")
    band = f"<SimpleSource><SourceFilename>{tmp_path / 'secret.tif'}</SourceFilename></SimpleSource>"
    (tmp_path / "a.tif").write_text(
        '<VRTDataset rasterXSize="4" rasterYSize="3"><VRTRasterBand dataType="Float64" band="1">'
        f"{band}</VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(InvalidValue, match=r"a\.tif cannot be read as a raster"):
        read_raster(tmp_path / "a.tif")


def test_a_small_file_of_many_cells_is_not_read(tmp_path: Path) -> None:
    facts = {"count": 1, "width": 100_000, "height": 100_000, "dtype": "uint8", "crs": "EPSG:3857"}
    place = {"transform": from_bounds(0, 0, 9, 9, 100_000, 100_000)}
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", sparse_ok=True, **facts, **place):
        pass
    with pytest.raises(InvalidValue, match="has 10000000000 cells; 250000000 are allowed"):
        read_raster(tmp_path / "a.tif")


def test_outside_of_a_raster_without_nodata_nothing_is(tmp_path: Path) -> None:
    write_raster(Raster(np.ones((3, 4), np.uint8), (0, 0, 40, 30), 4326), tmp_path / "bytes.tif")
    window = read_window(tmp_path / "bytes.tif", (-20, 0, 60, 30), WGS84, 8, 3)
    assert window.shape == (1, 3, 8)
    assert window.mask[0, 1].tolist() == [True, True, *[False] * 4, True, True]


def test_of_many_cells_for_one_pixel_an_overview_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.tif"
    write_raster(Raster(np.zeros((1024, 1024), np.uint8), (0, 0, 1024, 1024), 3857), path)
    with rasterio.open(path, "r+", OVERVIEW_LEVEL=0) as half:  # 512 cells wide
        half.write(np.full((1, 512, 512), 7, np.uint8))
    assert set(read_window(path, (0, 0, 1024, 1024), WEB_MERCATOR, 1024, 1024).ravel()) == {0}
    assert set(read_window(path, (0, 0, 1024, 1024), WEB_MERCATOR, 512, 512).ravel()) == {7}
    assert set(read_window(path, (0, 0, 1024, 1024), WEB_MERCATOR, 600, 600).ravel()) == {0}


def test_beyond_180_degrees_a_raster_goes_on_in_the_west(tmp_path: Path) -> None:
    values = np.repeat([[1, 2]], 2, axis=0).astype(np.uint8)
    write_raster(Raster(values, (170, 0, 190, 20), 4326), tmp_path / "fiji.tif")
    west = read_window(tmp_path / "fiji.tif", (-180, 0, -160, 20), WGS84, 2, 2)
    assert west[0, 0].tolist() == [2, None]
