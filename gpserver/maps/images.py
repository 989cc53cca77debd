"""Pixels to image files."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from isal import isal_zlib
from PIL import Image

from gpserver.errors import InvalidRequest
from gpserver.features.shapes import Array
from gpserver.maps.picture import MEDIA_TYPES
from gpserver.maps.symbols import RGBA

WHITE: RGBA = (1.0, 1.0, 1.0, 1.0)
_QUALITY = 90  # of JPEG and WebP
_PNG_COLORS = {3: 2, 4: 6}  # PNG's number for pixels of so many bytes


def write(rgba: Array, format: str, transparent: bool = True, background: RGBA = WHITE) -> bytes:
    """An image file.

    Args:
        rgba: (height, width, 4) uint8, alpha not multiplied in.
        format: One of ``MEDIA_TYPES``. As in ArcGIS ``png`` is ``png8``.
        transparent: Whether the picture may be seen through; ``jpg`` and ``bmp`` never are. A transparent
            ``png24`` has the same alpha as ``png32``, so that its edges stay smooth.
        background: What is below the picture where it is not transparent.

    Raises:
        InvalidRequest: There is no such format.
    """
    if format not in _WRITERS:
        raise InvalidRequest(f"'format' {format!r} is not supported; use one of {', '.join(MEDIA_TYPES)}.")
    opaque = format in ("jpg", "bmp") or not transparent
    return _WRITERS[format](_over(rgba, background) if opaque else rgba)


def _over(rgba: Array, background: RGBA) -> Array:
    """RGB: the picture laid over a colour."""
    alpha = rgba[..., 3:].astype(np.uint16)
    if int(alpha.min(initial=255)) == 255:
        return rgba[..., :3]
    below = np.rint(np.array(background[:3]) * 255).astype(np.uint16)
    mixed = rgba[..., :3] * alpha + below * (255 - alpha)
    return np.asarray((mixed + 127) // 255, np.uint8)


def _png(pixels: Array) -> bytes:
    """PNG with unfiltered rows, deflated by isal: a tenth of the time of Pillow's."""
    height, width, depth = pixels.shape
    rows = np.zeros((height, 1 + width * depth), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, _PNG_COLORS[depth], 0, 0, 0)
    data = isal_zlib.compress(rows, 1)
    chunks = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))


def _png8(pixels: Array) -> bytes:
    return _saved(_with_palette(pixels), "PNG", compress_level=1)


def _gif(pixels: Array) -> bytes:
    """GIF, whose pixels are there or not."""
    if pixels.shape[2] == 3:
        return _saved(_with_palette(pixels), "GIF")
    there = pixels[..., 3:] >= 128
    solid = np.concatenate([pixels[..., :3], np.full_like(pixels[..., 3:], 255)], axis=2)
    return _saved(Image.fromarray(solid * there), "GIF")


def _with_palette(pixels: Array) -> Image.Image:
    method = Image.Quantize.FASTOCTREE if pixels.shape[2] == 4 else Image.Quantize.MEDIANCUT
    return Image.fromarray(pixels).quantize(256, method, dither=Image.Dither.NONE)


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


_WRITERS: dict[str, Callable[[Array], bytes]] = {
    "png": _png8,
    "png8": _png8,
    "png24": _png,
    "png32": _png,
    "jpg": lambda pixels: _saved(Image.fromarray(pixels), "JPEG", quality=_QUALITY),
    "gif": _gif,
    "bmp": lambda pixels: _saved(Image.fromarray(pixels), "BMP"),
    "webp": lambda pixels: _saved(Image.fromarray(pixels), "WEBP", quality=_QUALITY, method=0),
}
