"""Chunks of a selection in WGS84, as formats of the web and of globes want them."""

from collections.abc import Iterator
from dataclasses import replace

from gpserver.features.rings import turned
from gpserver.features.selection import Chunk, Selection
from gpserver.features.shapes import POLYGON, Shapes, reprojected, rounded
from gpserver.features.spatialref import parse_spatial_reference

WGS84 = parse_spatial_reference(4326)


def geographic_chunks(selection: Selection, decimals: int | None) -> Iterator[Chunk]:
    """The chunks of a selection in WGS84, longitude first, shells counter-clockwise, without m and grid.

    Args:
        selection: Coordinates of an unknown system stay as they are.
        decimals: Of longitude and latitude; None keeps all.
    """
    # An offset is in units of the system asked for, so lines are simplified there before they go to WGS84.
    between = selection.out_crs if selection.offset > 0 else WGS84
    source = replace(selection, out_crs=between, precision=None, quantization=None, return_m=False)
    for chunk in source.chunks():
        yield chunk._replace(shapes=_finished(chunk.shapes, source, decimals)) if chunk.shapes else chunk


def _finished(shapes: Shapes, source: Selection, decimals: int | None) -> Shapes:
    shapes = reprojected(shapes, source.crs, WGS84)
    shapes = turned(shapes) if shapes.kind == POLYGON else shapes
    return shapes if decimals is None else rounded(shapes, decimals)
