"""Spatial references in every spelling that clients use."""

import json

import pytest
from pyproj import CRS

from gpserver.errors import InvalidValue
from gpserver.features import describe_spatial_reference, parse_spatial_reference, transformer

WEB_MERCATOR = {"wkid": 102100, "latestWkid": 3857}
CUSTOM = CRS.from_proj4("+proj=aea +lat_1=40 +lat_2=50 +lat_0=45 +lon_0=11.5 +datum=WGS84 +units=m")


@pytest.mark.parametrize(
    "value",
    [
        4326,
        4326.0,
        "4326",
        " 4326 ",
        "EPSG:4326",
        "epsg:4326",
        {"wkid": 4326},
        {"wkid": "4326"},
        {"latestWkid": 4326},
        {"wkid": 0, "latestWkid": 4326},
        {"wkid": 999999, "latestWkid": 4326},
        '{"wkid": 4326}',
        {"wkt": CRS.from_epsg(4326).to_wkt("WKT1_ESRI")},
        {"wkt2": CRS.from_epsg(4326).to_wkt()},
        CRS.from_epsg(4326).to_wkt("WKT1_ESRI"),
        CRS.from_epsg(4326),
    ],
)
def test_every_spelling_of_wgs84(value: object) -> None:
    assert parse_spatial_reference(value) == CRS.from_epsg(4326)


@pytest.mark.parametrize(
    "value", [None, "", "  ", "null", {}, "{}", {"wkid": 0}, {"wkid": None}, {"wkt": ""}]
)
def test_nothing_is_no_reference(value: object) -> None:
    assert parse_spatial_reference(value) is None


@pytest.mark.parametrize(
    "value",
    [999999, "nowhere", {"wkid": 999999}, {"wkt": "PROJCS[]"}, '{"wkid"', {"name": "x"}, True, [4326], -1],
)
def test_unknown_references_are_refused(value: object) -> None:
    with pytest.raises(InvalidValue):
        parse_spatial_reference(value)


def test_a_proj_string_is_refused() -> None:
    with pytest.raises(InvalidValue):
        parse_spatial_reference("+init=/etc/passwd:root")


@pytest.mark.parametrize("wkid", [3857, 102100, "102100"])
def test_web_mercator_is_one_system_with_two_numbers(wkid: object) -> None:
    crs = parse_spatial_reference(wkid)
    assert crs == CRS.from_epsg(3857)
    assert describe_spatial_reference(crs) == WEB_MERCATOR


@pytest.mark.parametrize(
    ("wkid", "described"),
    [
        (4326, (4326, 4326)),
        (2056, (2056, 2056)),
        (102113, (102113, 3785)),
        (3785, (102113, 3785)),
        (54004, (54004, 3395)),
        (102039, (102039, 5070)),
        (102003, (102003, 102003)),
        (54030, (54030, 54030)),
    ],
)
def test_the_answer_has_the_esri_number_and_the_latest(wkid: int, described: tuple[int, int]) -> None:
    expected = dict(zip(("wkid", "latestWkid"), described, strict=True))
    assert describe_spatial_reference(parse_spatial_reference(wkid)) == expected


@pytest.mark.parametrize("wkid", [3857, 4326, 26914, 102003, 54030])
def test_esri_wkt_finds_its_number_again(wkid: int) -> None:
    crs = parse_spatial_reference(wkid)
    assert crs is not None
    from_wkt = parse_spatial_reference({"wkt": crs.to_wkt("WKT1_ESRI")})
    assert describe_spatial_reference(from_wkt) == describe_spatial_reference(crs)


def test_a_custom_system_is_described_by_wkt() -> None:
    described = describe_spatial_reference(CUSTOM)
    assert set(described) == {"wkt"}
    again = parse_spatial_reference(json.dumps(described))
    assert again is not None
    assert transformer(CRS.from_epsg(4326), again).transform(12, 46) == pytest.approx(
        transformer(CRS.from_epsg(4326), CUSTOM).transform(12, 46)
    )


def test_no_reference_is_an_empty_object() -> None:
    assert describe_spatial_reference(None) == {}
    assert describe_spatial_reference(CRS.from_user_input("OGC:CRS84")) == {"wkid": 4326, "latestWkid": 4326}


def test_transformers_are_made_once_and_put_x_first() -> None:
    wgs84, mercator = parse_spatial_reference(4326), parse_spatial_reference(102100)
    assert wgs84 is not None
    assert mercator is not None
    assert transformer(wgs84, mercator) is transformer(CRS.from_epsg(4326), CRS.from_epsg(3857))
    assert transformer(wgs84, mercator).transform(180, 0) == pytest.approx((20037508.342789244, 0))
