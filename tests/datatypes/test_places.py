"""Spatial references and extents: what they are made of, and what is refused."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pyproj import CRS

from gpserver import Extent
from gpserver.datatypes import GPExtent, GPSpatialReference, data_type, data_type_of
from gpserver.errors import InvalidValue

REFERENCE, EXTENT = GPSpatialReference(), GPExtent()


class Files:
    """A source of one file that remembers what it was asked for."""

    def __init__(self, path: Path) -> None:
        self.path, self.asked = path, dict[str, Any]()

    def file(self, reference: Mapping[str, Any]) -> Path:
        self.asked = dict(reference)
        return self.path

    def features(self, reference: Mapping[str, Any]) -> Iterator[Path]:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3857, "EPSG:3857"),
        ("EPSG:3857", "EPSG:3857"),
        ({"WKID": 102100}, "EPSG:3857"),
        ({"wkid": 4326, "wkt": CRS(3857).to_wkt()}, "EPSG:4326"),
        ({"wkt": CRS(3857).to_wkt("WKT1_ESRI")}, "EPSG:3857"),
        ({"wkt2": CRS(3857).to_wkt()}, "EPSG:3857"),
        ("World_Sinusoidal", "ESRI:54008"),
        ({"name": "GCS_WGS_1984"}, "EPSG:4326"),
        ({"wkt": "", "name": "British National Grid"}, "EPSG:27700"),
    ],
)
def test_a_spatial_reference(value: object, expected: str) -> None:
    found = REFERENCE.decode(value)
    assert found is not None
    assert found.to_authority() == tuple(expected.split(":"))


@pytest.mark.parametrize("value", ["", "{}", None, "null", {}])
def test_no_spatial_reference(value: object) -> None:
    assert REFERENCE.decode(value) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (999999, "Unknown spatial reference"),
        ({"name": "Atlantis"}, "Unknown spatial reference"),
        ("+proj=longlat +nadgrids=/etc/passwd", "Unknown spatial reference"),
        ({"name": "init=/etc/passwd:4326"}, "Unknown spatial reference"),
        ({"name": "/etc/passwd"}, "Unknown spatial reference"),
        (5773, "vertical spatial reference alone"),
        ({"wkid": 4326, "vcsWkid": 3857}, "do not go together"),
        ({"vcsName": "EVRF2007 height"}, "Unknown spatial reference"),
        ({"wkid": 4326, "vcsWkid": 999999}, "Unknown spatial reference"),
        ("[1]", "Unknown spatial reference"),
    ],
)
def test_a_spatial_reference_that_is_none(value: object, text: str) -> None:
    with pytest.raises(InvalidValue, match=text):
        REFERENCE.decode(value)


@pytest.mark.parametrize(
    ("key", "reference"),
    [
        ("projectionFile", {"url": "https://example.com/a.prj"}),
        ("projectionFileItemID", {"itemID": "https://example.com/a.prj"}),
    ],
)
def test_a_projection_file(key: str, reference: dict[str, str], tmp_path: Path) -> None:
    source = Files(tmp_path / "a.prj")
    source.path.write_text(CRS(27700).to_wkt("WKT1_ESRI"))
    sent = {key: "https://example.com/a.prj"}
    found = REFERENCE.decode(sent, source)
    assert found == CRS(27700)
    assert source.asked == reference
    assert REFERENCE.shown(sent) == sent
    assert REFERENCE.decode({"wkid": 4326} | sent) == CRS(4326)
    for text in ("", "nonsense", "+proj=longlat"):
        source.path.write_text(text)
        with pytest.raises(InvalidValue):
            REFERENCE.decode(sent, source)


def test_a_custom_system_leaves_as_wkt() -> None:
    custom = CRS.from_proj4("+proj=laea +lat_0=45 +lon_0=12 +datum=WGS84")
    wire = REFERENCE.encode(custom)
    assert set(wire) == {"wkt"}
    assert REFERENCE.decode(wire) == CRS.from_wkt(wire["wkt"])
    assert REFERENCE.encode(CRS(7415)) == {"wkid": 7415, "latestWkid": 7415}
    with pytest.raises(InvalidValue, match="not a pyproj CRS"):
        REFERENCE.encode("EPSG:4326")


def test_annotations_of_places() -> None:
    assert data_type_of(CRS).name == "GPSpatialReference"
    assert data_type_of(Extent).name == "GPExtent"


@pytest.mark.parametrize(
    "value", ["1,2,3,4", '"1, 2, 3, 4"', '{"xmin": 1, "ymin": 2, "xmax": "3", "YMAX": 4.0}']
)
def test_an_extent(value: str) -> None:
    found = data_type("GPEnvelope").decode(value)
    assert found == Extent(1, 2, 3, 4)
    assert found.bounds == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1,2,3", "is not an extent"),
        ("here", "is not an extent"),
        ({"xmin": 1, "ymin": 2, "xmax": 3}, "is not an extent"),
        ({"xmin": 5, "ymin": 2, "xmax": 3, "ymax": 4}, "a minimum above its maximum"),
        ({"xmin": "NaN", "ymin": 2, "xmax": 3, "ymax": 4}, "is not a number"),
        ({"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4, "zmin": "low"}, "is not a number"),
        ({"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4, "spatialReference": {"wkid": 1}}, "Unknown spatial"),
    ],
)
def test_an_extent_that_is_none(value: object, text: str) -> None:
    with pytest.raises(InvalidValue, match=text):
        EXTENT.decode(value)
