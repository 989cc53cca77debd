"""Rasters in colours, and the entries of legends."""

import numpy as np
import pytest

from gpserver import ClassBreaks, Stretch, UniqueValue
from gpserver.errors import InvalidRequest, PublishingError
from gpserver.maps.grid import colored
from gpserver.maps.legend import entries
from gpserver.symbology import raster_drawing_info

VALUES = np.ma.masked_equal(np.array([[[0.0, 50, 100], [25, 75, -1]]]), -1)


def renderer(look: object) -> dict[str, object]:
    drawn: dict[str, object] = raster_drawing_info(look, VALUES.compressed())["renderer"]
    return drawn


def test_a_stretch_goes_from_the_first_to_the_last_colour() -> None:
    colors = colored(VALUES, renderer(Stretch(("black", "white"))))
    assert colors[0].tolist() == [[0, 0, 0, 255], [128, 128, 128, 255], [255, 255, 255, 255]]
    assert colors[1, 2, 3] == 0


def test_a_stretch_between_given_values() -> None:
    colors = colored(VALUES, renderer(Stretch(("black", "white"), minimum=50, maximum=75)))
    assert colors[..., 0].tolist() == [[0, 0, 255], [0, 255, 0]]


def test_one_value_alone_is_drawn_too() -> None:
    flat = np.ma.masked_invalid(np.ones((1, 2, 2)))
    assert (colored(flat, raster_drawing_info(None, np.ones(4))["renderer"])[..., 3] == 255).all()


def test_classes_have_their_colours() -> None:
    look = ClassBreaks(
        "Value", method="manual", breaks=(0, 50, 100), palette=("#ff0000", "#0000ff"), default=None
    )
    colors = colored(VALUES, renderer(look))
    assert (colors[0, 0] == colors[0, 1]).all()
    assert (colors[0, 0, 0], colors[0, 2, 2]) == (255, 255)
    assert colors[1, 2, 3] == 0


def test_single_values_have_their_colours() -> None:
    colors = colored(VALUES, renderer(UniqueValue("Value", {50: "lime"}, default=None)))
    assert colors[0, 1, :3].tolist() == [0, 255, 0]
    assert colors[0, 0, 3] == 0


def test_three_bands_of_bytes_are_a_photograph() -> None:
    bands = np.ma.masked_equal(np.arange(12, dtype=np.uint8).reshape(3, 2, 2), 0)
    colors = colored(bands, {"type": "rasterStretch"})
    assert colors[0, 1].tolist() == [1, 5, 9, 255]
    assert colors[0, 0, 3] == 0


def test_legends() -> None:
    assert [label for label, _ in entries(renderer(Stretch()))] == ["High: 100", "", "Low: 0"]
    look = ClassBreaks("Value", method="manual", breaks=(0, 50, 100))
    assert [label for label, _ in entries(renderer(look))] == ["0 - 50", "50 - 100", "<all other values>"]


@pytest.mark.parametrize("broken", [{"type": "rasterStretch"}, {"type": "vectorField"}])
def test_another_renderer_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        colored(VALUES, broken)


def test_a_raster_has_one_field() -> None:
    with pytest.raises(PublishingError, match="Value"):
        renderer(UniqueValue("height"))
