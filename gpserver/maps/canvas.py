"""The canvas: a map being drawn, layer by layer, from map coordinates to pixels, SVG or PDF."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from gpserver.features.shapes import MULTIPOINT, POINT, Array, Shapes
from gpserver.maps.areas import draw_outlines
from gpserver.maps.labels import Room, anchors, draw_labels
from gpserver.maps.markers import draw_points
from gpserver.maps.rasters import draw_raster
from gpserver.maps.surfaces import SURFACES, Pixels, Surface
from gpserver.maps.symbols import RGBA, Symbol, TextSymbol, faded


class Canvas:
    """A picture being drawn; what is drawn later lies above.

    Args:
        width: Pixels.
        height: Pixels.
        bbox: xmin, ymin, xmax, ymax of the picture in the map's CRS.
        dpi: Pixels per inch: a point (1/72 inch) of a symbol's size is dpi / 72 pixels.
        rotation: Degrees by which the map is turned about its middle, counter-clockwise (Export Map).
        background: The colour of the paper; None leaves it transparent.
        vector: ``svg`` or ``pdf`` for a drawing instead of pixels.
    """

    def __init__(
        self,
        width: int,
        height: int,
        bbox: tuple[float, float, float, float],
        *,
        dpi: float = 96,
        rotation: float = 0,
        background: RGBA | None = None,
        vector: str = "",
    ) -> None:
        self._surface: Surface = SURFACES[vector](width, height, dpi)
        xmin, ymin, xmax, ymax = bbox
        self._middle = np.array([(xmin + xmax) / 2, (ymin + ymax) / 2])
        self._center = np.array([self._surface.width / 2, self._surface.height / 2])
        scale = np.diag([self._surface.width / (xmax - xmin), self._surface.height / (ymax - ymin)])
        sine, cosine = np.sin(np.radians(rotation)), np.cos(np.radians(rotation))
        self._turn = scale @ np.array([[cosine, sine], [-sine, cosine]])
        self._fade = 1.0
        self._labels: list[tuple[Shapes, Sequence[str], TextSymbol, str, float]] = []
        if background:
            self._paper(background)

    def rgba(self) -> Array:
        """The picture, (height, width, 4) uint8, alpha not multiplied in."""
        self._draw_labels()
        assert isinstance(self._surface, Pixels), "a drawing in SVG or PDF has no pixels"
        return self._surface.rgba

    def bytes(self) -> bytes:
        """The document of a drawing in SVG or PDF; nothing can be drawn afterwards."""
        self._draw_labels()
        assert not isinstance(self._surface, Pixels), "pixels are written by gpserver.maps.images"
        return self._surface.bytes()

    @contextmanager
    def layer(self, opacity: float) -> Iterator[None]:
        """Whatever is drawn inside becomes one sheet, laid over the picture with this opacity.

        Features that overlap are not seen through each other; in SVG and PDF, which have no sheets here, each
        symbol is made transparent by itself.
        """
        if opacity >= 1:
            yield
        elif isinstance(self._surface, Pixels):
            with self._surface.sheet(opacity):
                yield
        else:
            self._fade, before = self._fade * opacity, self._fade
            yield
            self._fade = before

    def draw(self, shapes: Shapes, symbols: Sequence[Symbol], which: Array) -> None:
        """Draw features, the first of them lowest.

        Args:
            shapes: In the map's CRS; a few times their memory is needed to draw them.
            symbols: Symbols.
            which: The number of each feature's symbol, -1 for a feature that is not drawn.

        Raises:
            InvalidRequest: A symbol is none for such shapes.
        """
        which = np.where(shapes.missing, -1, which)
        symbols = [faded(symbol, self._fade) for symbol in symbols] if self._fade < 1 else symbols
        points = self._to_surface(shapes.coords)
        if shapes.kind == POINT:
            draw_points(self._surface, points, symbols, which)
        elif shapes.kind == MULTIPOINT:
            draw_points(self._surface, points, symbols, np.repeat(which, np.diff(shapes.offsets[0])))
        else:
            draw_outlines(self._surface, replace(shapes, coords=points), symbols, which)

    def label(
        self, shapes: Shapes, texts: Sequence[str], style: TextSymbol, placement: str = "", gap: float = 3.0
    ) -> None:
        """Label features above all that is drawn, where there is room: first those labelled last.

        Args:
            shapes: In the map's CRS; the first of them are the most important.
            texts: One per feature.
            style: How the labels look.
            placement: As in Esri's labelling objects, of which Above, Below, Left and Right count.
            gap: Points between the place and a text beside it.
        """
        shapes = replace(shapes, coords=self._to_surface(shapes.coords))
        self._labels.append((shapes, texts, style, placement, gap))

    def image(self, rgba: Array, bbox: tuple[float, float, float, float], *, smooth: bool = False) -> None:
        """Lay a raster over the picture.

        Args:
            rgba: (rows, columns, 4) uint8, the first row in the north, alpha not multiplied in.
            bbox: xmin, ymin, xmax, ymax of its cells in the map's CRS.
            smooth: Between the cells, rather than cells with edges.
        """
        xmin, ymin, xmax, ymax = bbox
        corners = self._to_surface(np.array([(xmin, ymax), (xmax, ymax), (xmin, ymin)]))
        draw_raster(self._surface, rgba, corners, smooth, self._fade)

    def _draw_labels(self) -> None:
        room = Room(self._surface)
        for shapes, texts, style, placement, gap in reversed(self._labels):
            places = anchors(shapes, self._surface)
            draw_labels(self._surface, room, places, texts, style, placement, gap)
        self._labels.clear()

    def _to_surface(self, coords: Array) -> Array:
        """Map coordinates in units of the surface, counted from its lower left corner."""
        x, y = coords[:, 0] - self._middle[0], coords[:, 1] - self._middle[1]
        found = np.empty((len(coords), 2))
        # By axis: a product of matrices would wake all threads of a linear algebra library.
        for axis, (along, across) in enumerate([(x, y), (y, x)]):
            found[:, axis] = along * self._turn[axis, axis] + self._center[axis]
            if self._turn[1 - axis, axis]:
                found[:, axis] += across * self._turn[1 - axis, axis]
        return found

    def _paper(self, color: RGBA) -> None:
        width, height = self._surface.width, self._surface.height
        context = self._surface.renderer.new_gc()
        context.set_linewidth(0)
        page = Path([(0, 0), (width, 0), (width, height), (0, height), (0, 0)], closed=True)
        self._surface.renderer.draw_path(context, page, Affine2D(), color)
