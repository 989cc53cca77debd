"""Layers in a folder and in PostGIS: what holds for one holds for the other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gpserver.layers import Layers, Place


@pytest.fixture(params=["folder", "postgis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where the layers of one test are."""
    if request.param == "folder":
        return Place(str(tmp_path / "layers"))
    return Place(request.getfixturevalue("postgis_url"), str(tmp_path))


@pytest.fixture
def layers(place: Place) -> Iterator[Layers]:
    """All layers of the place, as the operator sees them; none of them outlives the test."""
    layers = place.open()
    yield layers
    for info in layers.all():
        layers.drop(info.name)
    layers.close()


@pytest.fixture
def folder_layers(tmp_path: Path) -> Iterator[Layers]:
    """Layers in a folder, where the store does not matter."""
    layers = Place(str(tmp_path / "layers")).open()
    yield layers
    layers.close()


def values(series: Any) -> list[Any]:
    """A column as a list with None for null."""
    return list(series.astype(object).where(series.notna(), None))
