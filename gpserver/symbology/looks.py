"""How a publisher wants an output to look: one symbol, a symbol per kind, or classes of a number."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from gpserver.errors import PublishingError
from gpserver.symbology.colors import GRAY, Color, Palette, read_palette
from gpserver.symbology.labels import Labels
from gpserver.symbology.symbols import Symbol

METHODS = {
    "natural": "esriClassifyNaturalBreaks",
    "quantile": "esriClassifyQuantile",
    "equal": "esriClassifyEqualInterval",
    "manual": "esriClassifyManual",
}
"""Esri's names of the methods."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What every look has.

    Args:
        labels: A text beside every feature: ``"{NAME}"``, or ``Labels(...)`` for its style.
        transparency: Of the whole layer, percent: 0 solid, 100 invisible.
    """

    labels: Labels | str | None = None
    transparency: float = 0

    def __post_init__(self) -> None:
        if isinstance(self.labels, str):
            Labels(self.labels)
        if not 0 <= self.transparency <= 100:
            raise PublishingError(
                f"The transparency {self.transparency!r} is not a percentage.", "Write 0 to 100."
            )


@dataclass(frozen=True)
class Simple(Look):
    """The same symbol for every feature.

    Args:
        symbol: The symbol, a colour for the usual symbol, or None for the usual symbol in its usual colour.
        label: Its text in the legend.
    """

    symbol: Symbol | Color | None = None
    label: str = ""


@dataclass(frozen=True)
class UniqueValue(Look):
    """A symbol for every value of a field.

    Args:
        field: The field.
        values: The symbol or colour of each value; None to find the values in the output, where the most
            frequent ones get colours of the palette.
        default: The symbol or colour of all other values, None to leave them out.
        palette: The palette for values that are found: a name, or colours.
    """

    field: str
    values: Mapping[str | float, Symbol | Color] | None = None
    default: Symbol | Color | None = GRAY
    palette: Palette = "vivid"

    def __post_init__(self) -> None:
        super().__post_init__()
        _named(self.field)
        read_palette(self.palette)


@dataclass(frozen=True)
class ClassBreaks(Look):
    """Classes of a number, from light to dark.

    Args:
        field: The field.
        method: natural, quantile or equal: how classes are found in the output; manual: see ``breaks``.
        classes: How many classes; fewer where there are fewer values.
        palette: The palette: a name, or colours.
        breaks: For manual: the least value, then the greatest value of every class.
        default: The symbol or colour of features without a number or outside of all classes, None to leave
            them out.
    """

    field: str
    method: Literal["natural", "quantile", "equal", "manual"] = "natural"
    classes: int = 5
    palette: Palette = "sunset"
    breaks: tuple[float, ...] = ()
    default: Symbol | Color | None = GRAY

    def __post_init__(self) -> None:
        super().__post_init__()
        _named(self.field)
        read_palette(self.palette)
        if self.method not in METHODS:
            raise PublishingError(
                f"{self.method!r} is not a classification method.", f"Use {', '.join(METHODS)}."
            )
        if not 1 <= self.classes <= 64:
            raise PublishingError(f"{self.classes!r} is not a number of classes.", "Write 1 to 64.")
        rising = all(low < high for low, high in pairwise(self.breaks))
        if (self.method == "manual") != bool(self.breaks) or not rising or len(self.breaks) == 1:
            raise PublishingError(
                f"The breaks {self.breaks!r} do not fit the method {self.method!r}.",
                'Write method="manual", breaks=(0, 10, 50): the least value, then the greatest ones.',
            )


def _named(field: str) -> None:
    if not (isinstance(field, str) and field):
        raise PublishingError(f"{field!r} is not a field.", "Write the name of a field of the output.")
