"""Traffic: which way the lines of a network are open, and how fast, by the words of their attributes."""

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas import DataFrame, Series

from gpserver.tools.attributes import field_of
from gpserver.tools.globe import Floats

log = logging.getLogger(__name__)

Flags = NDArray[np.bool_]

# km/h, where nothing is known: in towns of most countries.
SPEED = 50.0

MILE = 1.609344

# The words of OpenStreetMap (yes, -1, reverse), of Esri's and others' road data (FT, TF: from-to, to-from;
# N: closed), and of QGIS (forward, backward).
ALONG = {"yes", "true", "1", "ft", "forward", "roundabout", "circular"}
AGAINST = {"-1", "reverse", "tf", "backward"}
BOTH = {"no", "false", "0", "b", "both", "", "reversible", "alternating", "none"}


def speeds_of(frame: DataFrame, speed: str | float, default: float = SPEED) -> Floats:
    """Speeds in km/h, shape (n,); 0 where nobody goes.

    Numbers are km/h, texts such as ``50``, ``50 km/h``, ``30 mph`` or ``50;70`` (the first counts) too. What
    is null or another text (``none``, ``RU:urban``) has the default; a warning tells such texts. 0 and less
    is closed, as negative costs are in pgRouting.

    Raises:
        InvalidValue: There is no such field.
    """
    if not isinstance(speed, str):
        return np.full(len(frame), float(speed))
    column = frame[field_of(frame, speed)]
    if pd.api.types.is_numeric_dtype(column):
        found = column.to_numpy(float, na_value=np.nan)
    else:
        codes, texts = pd.factorize(column)
        found = np.append(_read(Series(texts, dtype="string"), speed), np.nan)[codes]
    return np.where(np.isnan(found), default, np.maximum(found, 0.0))


def _read(texts: Series, field: str) -> Floats:
    parts = texts.str.extract(r"^\s*(-?\d+(?:\.\d+)?)\s*(mph|km/?h|kph)?\s*(?:$|[;,|])", flags=2)
    found = parts[0].astype("Float64").to_numpy(float, na_value=np.nan)
    unit = np.where((parts[1].str.lower() == "mph").fillna(False), MILE, 1.0)
    if strange := texts[np.isnan(found)].tolist():
        log.warning("No speed is in %s of the field %s: the default is taken.", _quoted(strange), field)
    return np.asarray(found * unit, dtype=np.float64)


def directions_of(frame: DataFrame, oneway: str | None) -> tuple[Flags, Flags]:
    """Whether each line is open along its vertices, and whether against them, shape (n,) each.

    * yes, true, 1, FT, forward (and roundabout): along; -1, reverse, TF, backward: against.
    * no, false, 0, B, both, null: both ways, and so is any other word; a warning tells it.
    * N is closed both ways where the field also says FT or TF, as in Esri's road data, else it means no.

    Without a field all is open both ways, as for walking.

    Raises:
        InvalidValue: There is no such field.
    """
    if oneway is None:
        everywhere = np.ones(len(frame), dtype=bool)
        return everywhere, everywhere
    codes, values = pd.factorize(frame[field_of(frame, oneway)])
    words = [_word(value) for value in values] + [""]
    esri = bool({"ft", "tf"} & set(words))
    closed = {"n"} if esri else set()
    if strange := [word for word in words if word not in ALONG | AGAINST | BOTH | {"n"}]:
        log.warning("%s of the field %s is taken for both ways.", _quoted(strange), oneway)
    along = np.array([word not in AGAINST | closed for word in words])
    against = np.array([word not in ALONG | closed for word in words])
    return along[codes], against[codes]


def _word(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | float | np.number):
        return f"{float(value):g}"
    return str(value).strip().lower()


def _quoted(words: list[str]) -> str:
    return ", ".join(f'"{word}"' for word in words[:5])
