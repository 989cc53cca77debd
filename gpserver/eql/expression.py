"""The first query language: an expression over the attributes of a layer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was read.

    Attributes:
        text: How it was written.
        names: The attributes that it names, each once.
    """

    text: str
    names: tuple[str, ...]

    def values(self, frame: Any) -> "pd.Series[Any]":
        """One value per row of a frame; null where an operand is null.

        Raises:
            InvalidValue: The frame lacks an attribute, or the types of two operands do not fit.
        """
        raise NotImplementedError

    def mask(self, frame: Any) -> NDArray[np.bool_]:
        """Which rows of a frame it is true of; not those where it is null.

        Raises:
            InvalidValue: As :meth:`values`, or its values are no truth values.
        """
        raise NotImplementedError


def read_expression(text: str) -> Expression:
    """Reads an expression.

    Raises:
        InvalidValue: It is none; the text names the position and what was expected there.
    """
    raise NotImplementedError


def read_condition(text: str | None) -> Expression:
    """Reads a condition; an empty one is true of everything.

    Raises:
        InvalidValue: As :func:`read_expression`.
    """
    raise NotImplementedError
