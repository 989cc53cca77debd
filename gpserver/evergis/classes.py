"""Classes of the values of an attribute, for a legend."""

from typing import Any

import numpy as np
import pandas as pd

from gpserver.errors import InvalidRequest
from gpserver.evergis.layer_query import Query, rows
from gpserver.layers import Layers
from gpserver.symbology.breaks import METHODS, class_breaks

_METHODS = {
    "naturalBreaks": "esriClassifyNaturalBreaks",
    "equalInterval": "esriClassifyEqualInterval",
    "step": "esriClassifyEqualInterval",
    "quantile": "esriClassifyQuantile",
}
TYPES = ("none", "unique", *_METHODS)
_MOST = 100  # classes


def classified(
    layers: Layers, name: str, attribute: str, classes: int, precision: int, type: str
) -> dict[str, Any]:
    """A ClassifyDc: for each class its highest value and how many rows are in it, ascending.

    ``unique`` and ``none`` have a class for each value, the most frequent first. ``step`` is
    ``equalInterval``. Null is in no class.

    Raises:
        NotFound: There is no such layer.
        InvalidRequest: There is no such type, the attribute holds no numbers, or there are too many classes.
    """
    if type not in TYPES or not 1 <= classes <= _MOST or not 0 <= precision <= 15:
        raise InvalidRequest(
            f"'type' is one of {', '.join(TYPES)}, 'classes' are 1 to {_MOST}, 'precision' 0 to 15."
        )
    values = rows(layers, name, Query(attributes=[attribute], geometry=False))[attribute].dropna()
    if type in ("unique", "none"):
        counts = values.astype(str).value_counts().head(classes)
        found = [{"value": str(value), "count": int(count)} for value, count in counts.items()]
        return {"classifyResult": found, "type": type}
    if not pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
        raise InvalidRequest(f"The attribute {attribute} holds no numbers: classify it by 'unique'.")
    numbers = np.sort(values.to_numpy(np.float64))
    edges = class_breaks(numbers, classes, METHODS[_METHODS[type]])
    tops = np.unique(np.round(edges[1:], precision))
    below = np.searchsorted(numbers, np.append(tops[:-1], np.inf), "right")[: len(tops)]
    sizes = np.diff(below, prepend=0)
    found = [{"value": float(top), "count": int(n)} for top, n in zip(tops, sizes, strict=True)]
    return {"classifyResult": found, "type": type}
