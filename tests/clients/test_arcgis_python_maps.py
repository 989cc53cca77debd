"""The `arcgis` package (ArcGIS API for Python) on result maps: its layers, data frames and pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Said = Callable[[str], Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that pictures are saved into."""
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def said(arcgis_python: str, converse: Any, told: Any, buffers: str, crowd: str, folder: Path) -> Said:
    """What came of each scenario of result_map.py."""
    return told(converse(arcgis_python, Path(__file__).parent / "result_map.py", buffers, crowd, folder))


def test_a_task_gives_its_map(said: Said) -> None:
    result = said("toolbox")
    assert result["type"] == "MapImageLayer"
    assert "/Buffer/MapServer/jobs/j" in result["url"]
    assert result["layer"] == ["MapFeatureLayer", "Output_Polygons"]
    assert result["names"] == ["Paris"]


def test_the_layer_describes_itself(said: Said) -> None:
    name, geometry_type, object_id, extent, renderer = said("description")
    assert (name, geometry_type, object_id) == ("Output_Polygons", "esriGeometryPolygon", "OBJECTID")
    assert extent["spatialReference"] == {"wkid": 4326, "latestWkid": 4326}
    assert renderer == "simple"


def test_a_query_takes_all_features(said: Said) -> None:
    assert said("everything") == list(range(25_000))


def test_pages_in_an_order(said: Said) -> None:
    assert said("pages") == [[24_999, 24_998, 24_997], [24_996, 24_995, 24_994], [0]]


def test_count_ids_and_extent(said: Said) -> None:
    count, ids, extent = said("counts")
    assert count == 25_000
    assert ids == {"objectIdFieldName": "OBJECTID", "objectIds": [1, 2, 3]}
    assert extent["spatialReference"] == {"wkid": 102100, "latestWkid": 3857}
    assert [extent["xmin"], extent["ymin"]] == pytest.approx([-19402987.2, -15045138.5], abs=0.1)


def test_a_data_frame(said: Said) -> None:
    frame = said("frame")
    assert frame["types"] == {
        "OBJECTID": "Int64",
        "number": "Int32",
        "kind": "string",
        "weight": "Float64",
        "seen": "datetime64[ns]",
        "SHAPE": "geometry",
    }
    assert frame["place"] == {
        "x": -172.9,
        "y": -79.2,
        "spatialReference": {"wkid": 4326, "latestWkid": 4326},
    }
    assert frame["missing"] == {
        "OBJECTID": [],
        "number": [],
        "kind": [0, 5],
        "weight": [0],
        "seen": [],
        "SHAPE": [],
    }
    assert frame["weights"] == [0.25, 0.5, 0.75, 1.0, 1.25, 1.5]
    assert frame["seen"] == ["2024-02-29 00:00:00", "2024-02-29 00:01:00"]


def test_statistics_of_groups(said: Said) -> None:
    assert said("statistics") == [["north", 10_000, 24_999], ["south", 10_000, 12_499], [None, 5_000, 24_995]]


def test_a_place_in_another_spatial_reference(said: Said) -> None:
    names, reference, corner = said("within")
    assert names == ["Paris"]
    assert reference == {"wkid": 2154, "latestWkid": 2154}
    assert corner == pytest.approx([653_348, 6_962_223], abs=1)


def test_a_picture_is_described_and_saved(said: Said, folder: Path) -> None:
    width, height, extent, saved = said("picture")
    assert (width, height) == (600, 300)
    assert [extent[corner] for corner in ("xmin", "ymin", "xmax", "ymax")] == [-10, 35, 30, 55]
    assert saved == str(folder / "europe.png")
    with Image.open(saved) as image:
        assert image.size == (600, 300)
        assert 0.15 < (np.asarray(image.convert("RGBA"))[..., 3] > 0).mean() < 0.25


def test_identify_and_find(said: Said) -> None:
    layer, value, attributes, corner = said("identify")
    assert (layer, value) == ("Output_Polygons", "Paris")
    assert attributes["continent"] == "Europe"
    assert corner == pytest.approx([2.353, 49.757], abs=1e-3)
    assert said("find") == [["name", "Paris"]]


def test_the_legend(said: Said) -> None:
    assert said("legend") == ["People", ["north", "south"]]


def test_the_server_makes_classes(said: Said) -> None:
    assert said("classes") == [0, 6249.75, 12_499.5, 18_749.25, 24_999]
