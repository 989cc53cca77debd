"""GDAL and esridump download a whole layer of a result map, page by page; GDAL reads the map as a raster."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio

COUNT = 25_000
NUMBER = np.arange(COUNT)
PLACES = np.column_stack([NUMBER % 250 * 1.4 - 174.3, NUMBER // 250 * 1.6 - 79.2])
FIELDS = ["OBJECTID", "number", "kind", "weight", "seen"]


def read(layer: str, parameters: str = "", **options: str) -> Any:
    """All that GDAL's ESRIJSON driver reads from a layer."""
    query = f"{layer}/query?where=1%3D1&outFields=*&f=json&orderByFields=OBJECTID+ASC{parameters}"
    return pyogrio.read_dataframe(f"ESRIJSON:{query}", **options)


@pytest.mark.parametrize(
    ("parameters", "options"),
    [
        ("", {}),
        ("&resultRecordCount=1500", {}),
        ("&resultOffset=0", {"FEATURE_SERVER_PAGING": "YES"}),
    ],
)
def test_gdal_pages_through_all_features(crowd: str, parameters: str, options: dict[str, str]) -> None:
    frame = read(f"{crowd}/0", parameters, **options)
    assert frame["number"].tolist() == NUMBER.tolist()
    np.testing.assert_allclose(frame.geometry.get_coordinates(), PLACES, rtol=0, atol=1e-9)


def test_gdal_reads_one_page_where_paging_was_not_asked_for(crowd: str) -> None:
    frame = read(f"{crowd}/0", "&resultOffset=24500&resultRecordCount=100")
    assert frame["number"].tolist() == list(range(24_500, 24_600))


def test_gdal_knows_every_type_and_what_is_missing(crowd: str) -> None:
    frame = read(f"{crowd}/0", "&resultOffset=0&resultRecordCount=20")
    assert frame.crs == 4326
    assert list(frame.columns) == [*FIELDS, "geometry"]
    assert frame["number"].dtype == np.int32
    assert frame["kind"].isna().tolist() == (NUMBER[:20] % 5 == 0).tolist()
    assert frame["kind"].dropna().unique().tolist() == ["south"]
    assert frame["weight"].isna().tolist() == (NUMBER[:20] % 7 == 0).tolist()
    assert frame["weight"].dropna().tolist() == [n / 4 for n in range(20) if n % 7]
    assert frame["seen"].dt.tz_localize(None).tolist() == [pd.Timestamp(2024, 2, 29, 0, n) for n in range(20)]


RASTER = """<GDAL_WMS>
  <Service name="AGS">
    <ServerUrl>{url}</ServerUrl>
    <BBoxOrder>xyXY</BBoxOrder>
    <SRS>EPSG:4326</SRS>
    <ImageFormat>png32</ImageFormat>
    <Transparent>true</Transparent>
  </Service>
  <DataWindow>
    <UpperLeftX>-180</UpperLeftX><UpperLeftY>90</UpperLeftY>
    <LowerRightX>180</LowerRightX><LowerRightY>-90</LowerRightY>
    <SizeX>2048</SizeX><SizeY>1024</SizeY>
  </DataWindow>
  <BandsCount>4</BandsCount>
</GDAL_WMS>"""


def test_gdal_reads_the_map_as_a_raster(buffers: str) -> None:
    paris, ocean = (2.35, 48.86), (-40, 30)
    with rasterio.open(RASTER.format(url=buffers)) as raster:
        assert raster.crs.to_epsg() == 4326
        inside, outside = raster.sample([paris, ocean])
        assert inside.tolist() == pytest.approx([58, 129, 215, 166], abs=2)
        assert outside[3] == 0
        assert 0.01 < (raster.read(4) > 0).mean() < 0.02


@pytest.fixture(scope="module")
def dumped(arcgis_python: str, converse: Any, crowd: str) -> Any:
    """What esridump downloaded, by the way that it went."""
    return converse(arcgis_python, Path(__file__).parent / "dump.py", f"{crowd}/0")


@pytest.mark.parametrize("way", ["by_offset", "by_object_id"])
def test_esridump_takes_all_features(dumped: Any, way: str) -> None:
    rows, coordinates = zip(*dumped[way], strict=True)
    assert list(rows[0]) == FIELDS
    assert [row["number"] for row in rows] == NUMBER.tolist()
    assert [row["OBJECTID"] for row in rows] == (NUMBER + 1).tolist()
    # It asks for seven decimals.
    np.testing.assert_allclose(coordinates, PLACES, rtol=0, atol=1e-7)
