"""QGIS opens result maps: as a layer of features that it draws itself, and as pictures from the server."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Said = Callable[[str], Any]
Pixels = np.ndarray[Any, Any]

WHITE = [255, 255, 255]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that desktop.py paints into."""
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def said(qgis_python: str, converse: Any, told: Any, buffers: str, crowd: str, pictures: Path) -> Said:
    """What came of each scenario of desktop.py."""
    return told(converse(qgis_python, Path(__file__).parent / "desktop.py", buffers, crowd, pictures))


def test_the_layer_has_all_features_and_fields(said: Said, names: list[str]) -> None:
    layer = said("layer")
    assert layer["valid"]
    assert layer["count"] == len(names)
    assert layer["names"] == names
    assert layer["crs"] == "EPSG:4326"
    assert layer["geometry"] == "MultiPolygon"
    assert layer["fields"] == [
        ["OBJECTID", "esriFieldTypeOID"],
        ["id", "esriFieldTypeInteger"],
        ["name", "esriFieldTypeString"],
        ["continent", "esriFieldTypeString"],
        ["BUFF_DIST", "esriFieldTypeDouble"],
        ["Shape_Length", "esriFieldTypeDouble"],
        ["Shape_Area", "esriFieldTypeDouble"],
    ]


def test_the_geometry_is_what_was_stored(said: Said) -> None:
    layer = said("layer")
    assert layer["areas"] == pytest.approx(layer["shape_areas"], rel=1e-9)
    # Circles that the 180th meridian cuts reach both ends of the world.
    assert layer["extent"] == pytest.approx([-180, -42.19, 180, 65.04], abs=0.01)


def test_a_rectangle_and_an_expression_choose_features(said: Said) -> None:
    assert said("filtered") == {"by_place": ["Paris"], "by_name": ["Rome"]}


def test_the_server_projects_the_layer(said: Said) -> None:
    projected = said("projected")
    assert projected["extent"] == pytest.approx([-20037508, -5189846, 20037508, 9619029], abs=1)
    assert projected["rome"] == pytest.approx([1389413, 5146635], abs=1)


def test_the_symbols_become_those_of_qgis(said: Said) -> None:
    assert said("layer")["color"] == "#3a81d7"
    crowd = said("crowd")
    assert crowd["field"] == "kind"
    assert crowd["categories"] == {"north": "#1f78b4", "south": "#e31a1c"}


def test_values_of_all_types_and_missing_ones(said: Said) -> None:
    crowd = said("crowd")
    assert crowd["fields"] == [
        ["OBJECTID", "esriFieldTypeOID"],
        ["number", "esriFieldTypeInteger"],
        ["kind", "esriFieldTypeString"],
        ["weight", "esriFieldTypeDouble"],
        ["seen", "esriFieldTypeDate"],
    ]
    assert crowd["south_west"] == [
        [1, 0, None, None, "2024-02-29 00:00"],
        [2, 1, "south", 0.25, "2024-02-29 00:01"],
        [3, 2, "south", 0.5, "2024-02-29 00:02"],
        [4, 3, "south", 0.75, "2024-02-29 00:03"],
    ]


def test_a_layer_of_many_pages(said: Said) -> None:
    crowd = said("crowd")
    assert crowd["count"] == 25_000
    assert crowd["nearby"] == 336


def test_the_map_opens_as_pictures(said: Said) -> None:
    image = said("image")
    assert image["valid"]
    assert image["crs"] == "EPSG:4326"
    assert image["extent"] == said("layer")["extent"]


def drawn(pictures: Path, name: str) -> tuple[Pixels, Pixels]:
    """The pixels by QGIS and by the server, as numbers that can be subtracted."""
    pair = (Image.open(pictures / f"{name}-{kind}.png").convert("RGB") for kind in ("vector", "raster"))
    theirs, ours = (np.asarray(image).astype(int) for image in pair)
    return theirs, ours


def test_the_server_draws_polygons_as_qgis_does(said: Said, pictures: Path) -> None:
    assert said("painted") == [[]] * 4
    theirs, ours = drawn(pictures, "europe")
    assert 0.15 < (ours != WHITE).any(axis=2).mean() < 0.25
    assert np.abs(theirs - ours).max() < 32


def test_the_server_draws_points_as_qgis_does(said: Said, pictures: Path) -> None:
    assert said("painted") == [[]] * 4
    theirs, ours = drawn(pictures, "crowd")
    assert (ours == [31, 120, 180]).all(axis=2).mean() > 0.01
    # The server's points stand on whole pixels, up to half of one from where they should: rims may differ.
    assert (np.abs(theirs - ours).max(axis=2) > 48).mean() < 0.015
    assert theirs.mean() == pytest.approx(ours.mean(), abs=0.5)


def test_a_click_identifies(said: Said) -> None:
    assert said("identified") == ["Paris"]


def test_the_legend_has_its_colours(said: Said) -> None:
    width, height, colors = said("legend")
    assert width > 40
    assert height > 40
    assert colors > 3
