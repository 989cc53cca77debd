"""What is drawn on: matplotlib's renderers for pixels, SVG and PDF, each behind the same few words."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.transforms import Affine2D

from gpserver.features.shapes import Array

mpl.rcParams["svg.hashsalt"] = "gpserver"  # equal pictures have equal names inside

_POINTS_PER_INCH = 72


class Pixels:
    """A raster of width x height pixels."""

    def __init__(self, width: int, height: int, dpi: float) -> None:
        self.width, self.height, self.dpi, self.image_dpi = width, height, dpi, dpi
        self.renderer: Any = RendererAgg(width, height, dpi)

    @property
    def rgba(self) -> Array:
        """The picture so far, (height, width, 4) uint8, alpha not multiplied in; writing to it is drawing."""
        return np.asarray(self.renderer.buffer_rgba())

    @contextmanager
    def sheet(self, opacity: float) -> Iterator[None]:
        """Draw onto a clear sheet, which is then laid over the picture with an opacity (0 to 1)."""
        below, self.renderer = self.renderer, RendererAgg(self.width, self.height, self.dpi)
        yield
        above, self.renderer = self.rgba, below
        above[..., 3] = np.rint(above[..., 3] * opacity)
        below.draw_image(below.new_gc(), 0, 0, above[::-1])


class _Vector:
    """A page as large as the picture would be at its dpi; its unit is the point."""

    image_dpi = 4.0 * _POINTS_PER_INCH
    renderer: Any

    def __init__(self, width: int, height: int, dpi: float) -> None:
        self.dpi = float(_POINTS_PER_INCH)
        self.width, self.height = width * self.dpi / dpi, height * self.dpi / dpi
        self.stream: Any = io.BytesIO()


class Svg(_Vector):
    """A drawing in SVG."""

    def __init__(self, width: int, height: int, dpi: float) -> None:
        super().__init__(width, height, dpi)
        self.stream = io.StringIO()
        self.renderer = RendererSVG(
            self.width, self.height, self.stream, image_dpi=self.image_dpi, metadata={"Date": None}
        )

    def bytes(self) -> bytes:
        """The document; nothing can be drawn afterwards."""
        self.renderer.finalize()
        return str(self.stream.getvalue()).encode()


class Pdf(_Vector):
    """A drawing in PDF, of one page."""

    def __init__(self, width: int, height: int, dpi: float) -> None:
        super().__init__(width, height, dpi)
        # Here, because this import takes longer than all others of drawing, and few ask for PDF.
        from matplotlib.backends.backend_pdf import PdfFile, RendererPdf

        inches = self.width / self.dpi, self.height / self.dpi
        self._file = PdfFile(self.stream, metadata={"CreationDate": None})
        self._file.newPage(*inches)
        self.renderer = RendererPdf(self._file, self.image_dpi, inches[1], inches[0])

    def bytes(self) -> bytes:
        """The document; nothing can be drawn afterwards."""
        self.renderer.finalize()
        self._file.finalize()
        self._file.close()
        return bytes(self.stream.getvalue())


Surface = Pixels | Svg | Pdf
SURFACES: dict[str, type[Surface]] = {"": Pixels, "svg": Svg, "pdf": Pdf}


Dashes = list[tuple[float, list[float] | None]]
UNBROKEN: Dashes = [(0.0, None)]
_HERE = Affine2D()
_NO_OFFSETS = np.zeros((0, 2))


def draw_collection(
    surface: Surface,
    context: Any,
    paths: Sequence[Any],
    face: Array,
    edge: Array,
    width: Array,
    dashes: Dashes = UNBROKEN,
    offsets: Array = _NO_OFFSETS,
) -> None:
    """Draw many paths at once, each filled, then outlined.

    The only call of a method that matplotlib calls provisional: what changes with a release, changes here.

    Args:
        surface: What to draw on.
        context: A graphics context, for what all paths have in common.
        paths: Coordinates in units of the surface.
        face: Fill colours, (n, 4), or none at all.
        edge: Line colours, (n, 4).
        width: Line widths in points.
        dashes: Of each line or of all: where they begin and their lengths in points.
        offsets: How far each path is moved, (n, 2), or none at all.
    """
    surface.renderer.draw_path_collection(
        context,
        _HERE,
        paths,
        np.zeros((0, 3, 3)),
        offsets,
        _HERE,
        face,
        edge,
        width,
        dashes,
        np.ones(1, bool),
        [None],
        "screen",
        hatchcolors=np.zeros((0, 4)),
    )
