"""What a publisher says of an output's look, and the Esri drawingInfo made of it."""

from gpserver.symbology.colors import PALETTES
from gpserver.symbology.drawing_info import drawing_info
from gpserver.symbology.labels import Labels
from gpserver.symbology.looks import ClassBreaks, Look, Simple, UniqueValue
from gpserver.symbology.stretch import Stretch, raster_drawing_info
from gpserver.symbology.symbols import Fill, Line, Marker, Picture, Symbol

__all__ = [
    "PALETTES",
    "ClassBreaks",
    "Fill",
    "Labels",
    "Line",
    "Look",
    "Marker",
    "Picture",
    "Simple",
    "Stretch",
    "Symbol",
    "UniqueValue",
    "drawing_info",
    "raster_drawing_info",
]
