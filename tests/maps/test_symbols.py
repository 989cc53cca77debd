"""Esri symbol JSON to facts, and what is refused."""

import base64
from typing import Any

import pytest
from maps.scenes import picture, png

from gpserver.errors import InvalidRequest
from gpserver.maps.symbols import Fill, Marker, Picture, PictureFill, Stroke, TextSymbol, faded, read_symbol

RED, GRAY = [255, 0, 0, 255], [110, 110, 110, 255]


def test_a_marker() -> None:
    outline = {"color": GRAY, "width": 2}
    json = {"type": "esriSMS", "style": "esriSMSDiamond", "color": RED, "size": 9, "angle": -30, "xoffset": 3}
    symbol = read_symbol(json | {"yoffset": -4.5, "outline": outline})
    assert symbol == Marker("diamond", 9, (1, 0, 0, 1), Stroke((110 / 255,) * 3 + (1,), 2), 330, (3, -4.5))


def test_crosses_are_lines() -> None:
    for style in ("X", "Cross"):
        json = {"type": "esriSMS", "style": f"esriSMS{style}", "color": RED}
        assert read_symbol(json) == Marker(style.lower(), 8, None, Stroke((1, 0, 0, 1), 1))
        edge = Stroke((110 / 255,) * 3 + (1,), 3)
        assert read_symbol(json | {"outline": {"color": GRAY, "width": 3}}) == Marker(
            style.lower(), 8, None, edge
        )


def test_a_line() -> None:
    json = {"type": "esriSLS", "style": "esriSLSDash", "color": [0, 0, 255], "width": 1.5}
    assert read_symbol(json) == Stroke((0, 0, 1, 1), 1.5, (4, 3))


@pytest.mark.parametrize(
    "change", [{"style": "esriSLSNull"}, {"color": None}, {"width": 0}, {"color": [0] * 4}]
)
def test_outlines_that_cannot_be_seen(change: dict[str, Any]) -> None:
    outline = {"type": "esriSLS", "style": "esriSLSSolid", "color": RED, "width": 1} | change
    assert read_symbol({"type": "esriSFS", "color": RED, "outline": outline}) == Fill((1, 0, 0, 1))


def test_fills() -> None:
    assert read_symbol({"type": "esriSFS", "style": "esriSFSNull", "color": RED}) == Fill(None)
    assert read_symbol({"type": "esriSFS", "style": "esriSFSSolid", "color": None}) == Fill(None)
    hatched = read_symbol({"type": "esriSFS", "style": "esriSFSVertical", "color": RED})
    assert isinstance(hatched, Fill)
    assert hatched.hatch


def test_pictures() -> None:
    plain = picture()
    assert isinstance(plain, Picture)
    assert plain.pixels.shape == (8, 8, 4)
    assert (plain.width, plain.height) == (6, 6)  # points: 8 pixels at 96 dpi
    assert picture(width=20, height=10).width == 20
    tiled = read_symbol({"type": "esriPFS", "imageData": png(plain.pixels), "xscale": 2, "yscale": 0.5})
    assert isinstance(tiled, PictureFill)
    assert (tiled.tile.width, tiled.tile.height) == (12, 3)


def test_text() -> None:
    font = {"family": "Courier New", "size": 14, "style": "italic", "weight": "bold"}
    symbol = read_symbol({"type": "esriTS", "color": RED, "haloColor": GRAY, "haloSize": 2, "font": font})
    assert symbol == TextSymbol(
        (1, 0, 0, 1), 14, "DejaVu Sans Mono", True, True, Stroke((110 / 255,) * 3 + (1,), 2)
    )
    assert read_symbol({"type": "esriTS"}) == TextSymbol(color=(0, 0, 0, 0))


def test_faded() -> None:
    symbol = Fill((1, 0, 0, 1), Stroke((0, 0, 0, 0.5), 2))
    assert faded(symbol, 0.5) == Fill((1, 0, 0, 0.5), Stroke((0, 0, 0, 0.25), 2))
    assert faded(picture(), 0.5).pixels[0, 0].tolist() == [200, 30, 30, 128]


@pytest.mark.parametrize(
    ("json", "told"),
    [
        (None, "None"),
        ("esriSMS", "'esriSMS'"),
        ({"type": "CIMSymbolReference"}, "CIMSymbolReference"),
        ({"type": ["esriSMS"]}, "esriSMS"),
        ({"type": "esriSMS", "style": "esriSMSHeart"}, "esriSMSHeart"),
        ({"type": "esriSMS", "style": 7}, "7"),
        ({"type": "esriSMS", "size": "big"}, "size 'big'"),
        ({"type": "esriSMS", "size": 1e9}, "size 1e+09"),
        ({"type": "esriSMS", "size": -1}, "size -1"),
        ({"type": "esriSMS", "angle": float("nan")}, "angle nan"),
        ({"type": "esriSLS", "width": float("inf")}, "width inf"),
        ({"type": "esriSLS", "color": [1, 2]}, "[1, 2]"),
        ({"type": "esriSLS", "color": [1, 2, 256, 0]}, "256"),
        ({"type": "esriSLS", "color": "red"}, "'red'"),
        ({"type": "esriSLS", "style": "esriSLSWavy"}, "esriSLSWavy"),
        ({"type": "esriSFS", "style": "esriSFSBricks"}, "esriSFSBricks"),
        ({"type": "esriPMS", "url": "http://127.0.0.1/secret.png"}, "url is not fetched"),
        ({"type": "esriPMS", "imageData": "no base64!"}, "imageData"),
        ({"type": "esriPMS", "imageData": base64.b64encode(b"<svg/>").decode()}, "imageData"),
        ({"type": "esriPMS", "imageData": 7}, "imageData"),
        ({"type": "esriTS", "font": "Arial"}, "font"),
    ],
)
def test_what_is_not_understood_is_named(json: Any, told: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_symbol(json)
    assert told in str(caught.value)


def test_a_picture_too_large_is_not_unpacked() -> None:
    with pytest.raises(InvalidRequest, match="more than 4194304 pixels"):
        read_symbol({"type": "esriPMS", "imageData": png([[[0, 0, 0, 0]] * 4096] * 1025)})
