"""A job's map in headless Chromium: `@arcgis/core` of two generations, esri-leaflet and OpenLayers, from npm.

All pages show 100 km around three cities in one window, so circles are at the same places in all pictures.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyproj import Transformer

CITIES = {"Berlin": (13.3996, 52.52376), "Paris": (2.35299, 48.85809), "Rome": (12.48131, 41.8979)}
# The window of pages/buffers.js.
MIDDLE = (1_000_000, 6_050_000)
RESOLUTION = 2 * np.pi * 6_378_137 / 256 / 2**5
WIDTH, HEIGHT = 800, 600
BLUE = (127, 173, 229)  # the fill that polygons have, on white
GREEN = (0, 128, 0)
RED = (255, 0, 0)
NAMES = ["OBJECTID", "id", "name", "continent", "BUFF_DIST", "Shape_Length", "Shape_Area"]

Pixels = np.ndarray[Any, Any]


@dataclass
class Page:
    """What a page said of each scenario, and the pictures it took."""

    said: Callable[[str], Any]
    folder: Path

    def coloured(self, name: str, colour: tuple[int, int, int]) -> Pixels:
        """Which pixels of a picture have a colour."""
        pixels = np.asarray(Image.open(self.folder / f"{name}.png").convert("RGB")).astype(int)
        assert pixels.shape == (HEIGHT, WIDTH, 3)
        return np.abs(pixels - colour).max(axis=2) <= 8

    def shows(self, name: str, colour: tuple[int, int, int], *cities: str) -> None:
        """The picture has circles of the colour around these cities, and this colour nowhere else."""
        coloured = self.coloured(name, colour)
        for city in cities:
            assert coloured[within(0.9, city)].mean() > 0.99, city
        assert not coloured[~within(1.1, *cities)].any()


def within(share: float, *cities: str) -> Pixels:
    """Which pixels lie within a share of the radius around one of the cities."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    found = np.zeros((HEIGHT, WIDTH), bool)
    for longitude, latitude in map(CITIES.__getitem__, cities):
        x, y = Transformer.from_crs(4326, 3857, always_xy=True).transform(longitude, latitude)
        column = WIDTH / 2 + (x - MIDDLE[0]) / RESOLUTION
        row = HEIGHT / 2 - (y - MIDDLE[1]) / RESOLUTION
        radius = 100_000 / np.cos(np.radians(latitude)) / RESOLUTION
        found |= np.hypot(columns - column, rows - row) <= share * radius
    return found


@pytest.fixture(scope="module")
def look(browse: Any, told: Any, server: Any, tmp_path_factory: Any) -> Callable[..., Page]:
    """Open a page of the folder `pages`; `look("core_map", core="arcgis-core-4")`."""

    def at(name: str, **parameters: str) -> Page:
        folder = tmp_path_factory.mktemp(name)
        query = "".join(f"&{key}={value}" for key, value in parameters.items())
        url = f"tests/clients/pages/{name}.html?server={server.url}{query}"
        return Page(told(browse(url, pictures=folder)), folder)

    return at


@pytest.fixture(scope="module", params=["@arcgis/core", "arcgis-core-4"])
def core(look: Any, request: Any) -> Page:
    """The page with a MapView, in release 5 and in release 4."""
    return look("core_map", core=request.param)


@pytest.fixture(scope="module")
def leaflet(look: Any) -> Page:
    return look("leaflet_map")


@pytest.fixture(scope="module")
def openlayers(look: Any) -> Page:
    return look("openlayers_map")


def test_core_shows_the_result_map_image_layer(core: Page) -> None:
    layer = core.said("layer")
    assert (layer["title"], layer["geometryType"]) == ("Output_Polygons", "polygon")
    assert layer["objectIdField"] == "OBJECTID"
    assert [name for name, _ in layer["fields"]] == NAMES
    core.shows("map", BLUE, *CITIES)


def test_core_queries_a_sublayer_in_protocol_buffers(core: Page) -> None:
    found = core.said("query")
    assert found["pbf"] == 1
    assert [city["name"] for city in found["attributes"]] == ["Paris", "Berlin"]
    assert [list(city) for city in found["attributes"]] == [NAMES, NAMES]
    assert (found["geometryType"], found["wkid"]) == ("polygon", 102100)
    assert found["around"] == [False, True]


def test_core_counts_ids_extent_and_statistics(core: Page) -> None:
    assert core.said("counts") == {
        "extent": {"count": 1, "berlin": True, "rome": False},
        "all": 3,
        "near": [2],
    }
    assert core.said("statistics") == [{"cities": 3, "widest": 100_000}]


def test_core_identifies_and_finds(core: Page) -> None:
    [found] = core.said("identify")
    assert (found["layerId"], found["layerName"], found["displayFieldName"]) == (0, "Output_Polygons", "name")
    assert (found["attributes"]["name"], found["attributes"]["BUFF_DIST"]) == ("Berlin", 100_000)
    assert (found["type"], found["around"]) == ("polygon", True)
    assert core.said("find") == [{"foundFieldName": "name", "value": "Rome", "around": True}]


def test_core_popup_has_the_attributes_of_the_feature(core: Page) -> None:
    popup = core.said("popup")
    [opened] = popup["opened"]
    assert (opened["name"], opened["continent"], opened["BUFF_DIST"]) == ("Berlin", "Europe", 100_000)
    assert popup["title"] == "Output_Polygons: {name}"
    assert popup["atSea"] == []


def test_core_popup_is_seen(core: Page) -> None:
    shown = core.said("widget")
    assert shown["title"] == "Output_Polygons: Berlin"
    assert [shown["table"][name] for name in ("name", "BUFF_DIST", "continent")] == [
        "Berlin",
        "100,000.00",
        "Europe",
    ]


def test_core_has_the_legend(core: Page) -> None:
    assert core.said("legend") == {
        "title": "Buffer",
        "elements": [{"type": "symbol-table", "symbols": 1}],
    }


def test_core_draws_a_sublayer_in_another_way(core: Page) -> None:
    assert core.said("dynamicLayers") == {"ids": [2], "asked": 1}
    core.shows("red", RED, "Rome")
    core.shows("red", BLUE)
    assert core.said("hidden") is True
    core.shows("nothing", RED)


def test_leaflet_dynamic_map_layer_shows_identifies_and_has_a_popup(leaflet: Page) -> None:
    found = leaflet.said("dynamic")
    [berlin] = found["identified"]
    assert (berlin["name"], berlin["continent"]) == ("Berlin", "Europe")
    assert found["popup"] == "Berlin"
    assert found["layers"] == ["Output_Polygons"]
    leaflet.shows("dynamic", BLUE, *CITIES)


def test_leaflet_asks_for_pictures_by_link_or_for_themselves(leaflet: Page) -> None:
    assert leaflet.said("image") == {"links": 1, "images": 1}
    leaflet.shows("image", BLUE, "Berlin", "Paris")


def test_leaflet_tiles(leaflet: Page) -> None:
    assert leaflet.said("tiles") >= 12
    leaflet.shows("tiles", BLUE, *CITIES)


def test_leaflet_feature_layer(leaflet: Page) -> None:
    found = leaflet.said("features")
    assert found["geojson"] >= 1
    assert sorted(city["name"] for city in found["drawn"]) == sorted(CITIES)
    assert list(found["drawn"][0]) == NAMES
    leaflet.shows("features", GREEN, *CITIES)


def test_leaflet_queries(leaflet: Page) -> None:
    found = leaflet.said("features")
    assert (found["count"], found["ids"]) == (3, [2])
    assert found["bounds"] == pytest.approx([11.27632, 40.99751, 13.68630, 42.79815], abs=0.001)
    assert [city["name"] for city in found["near"]] == ["Berlin"]
    assert [city["name"] for city in found["found"]] == ["Paris"]


@pytest.mark.parametrize(("scenario", "requests"), [("image", 1), ("tiles", 9), ("xyz", 9)])
def test_openlayers_shows_pictures_and_tiles(openlayers: Page, scenario: str, requests: int) -> None:
    assert openlayers.said(scenario) >= requests
    openlayers.shows(scenario, BLUE, *CITIES)


@pytest.mark.parametrize("scenario", ["esriJson", "geoJson"])
def test_openlayers_draws_features(openlayers: Page, scenario: str) -> None:
    found = openlayers.said(scenario)
    assert [(city["name"], city["type"]) for city in found] == [
        (name, "Polygon") for name in ("Berlin", "Rome", "Paris")
    ]
    openlayers.shows(scenario, GREEN, *CITIES)
