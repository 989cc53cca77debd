"""Labels for publishers, and their Esri JSON."""

import re
from dataclasses import dataclass
from typing import Any

from gpserver.errors import PublishingError
from gpserver.symbology.colors import DARK, WHITE, Color, rgba
from gpserver.symbology.symbols import POLYGON, POLYLINE

_FIELD = re.compile(r"\{([^{}]+)\}|\[([^\[\]]+)\]")
_PLACEMENT = {
    POLYGON: "esriServerPolygonPlacementAlwaysHorizontal",
    POLYLINE: "esriServerLinePlacementAboveAlong",
}


@dataclass(frozen=True)
class Labels:
    """A text beside every feature.

    Args:
        text: Fields in braces or brackets with text around them: ``"{NAME}"``, ``"[NAME] ([POP])"``.
        color: Of the letters.
        size: Points.
        halo: The colour around the letters, None for none.
        bold: Whether the letters are bold.
    """

    text: str
    color: Color = DARK
    size: float = 9
    halo: Color | None = WHITE
    bold: bool = False

    def __post_init__(self) -> None:
        if not _FIELD.search(self.text):
            raise PublishingError(f"The label {self.text!r} names no field.", 'Write Labels("{NAME}").')
        rgba(self.color)

    def json(self, geometry_type: str) -> list[dict[str, Any]]:
        """The Esri labelingInfo."""
        weight = "bold" if self.bold else "normal"
        font = {"family": "Arial", "size": self.size, "style": "normal", "weight": weight}
        symbol = {
            "type": "esriTS",
            "color": rgba(self.color),
            "backgroundColor": None,
            "borderLineColor": None,
            "haloColor": rgba(self.halo) if self.halo else None,
            "haloSize": 1 if self.halo else 0,
            "verticalAlignment": "bottom",
            "horizontalAlignment": "center",
            "rightToLeft": False,
            "angle": 0,
            "xoffset": 0,
            "yoffset": 0,
            "font": font | {"decoration": "none"},
        }
        placement = _PLACEMENT.get(geometry_type, "esriServerPointLabelPlacementAboveRight")
        head = {"labelPlacement": placement, "labelExpression": _expression(self.text)}
        return [head | {"useCodedValues": False, "symbol": symbol, "minScale": 0, "maxScale": 0}]


def _expression(text: str) -> str:
    """Esri's label expression: ``"{A} (b)"`` becomes ``[A] CONCAT " (b)"``."""
    parts, at = [], 0
    for match in _FIELD.finditer(text):
        parts += [_quoted(text[at : match.start()]), f"[{match[1] or match[2]}]"]
        at = match.end()
    return " CONCAT ".join(filter(None, [*parts, _quoted(text[at:])]))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', "'") + '"' if text else ""
