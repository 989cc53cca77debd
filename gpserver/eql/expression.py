"""The first query language: an expression over the attributes of a layer."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from gpserver.eql.moments import special_moment
from gpserver.eql.operators import combined, is_null, negative
from gpserver.eql.syntax import Step, read_steps
from gpserver.eql.terms import CONSTANTS, Kind, Term, as_series, column_term, truth
from gpserver.errors import InvalidValue

_EVERYTHING = Step("push", Term(Kind.TRUTH, pa.scalar(True), "true"), 1)


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was read.

    Attributes:
        text: How it was written.
        names: The attributes that it names, each once.
    """

    text: str
    names: tuple[str, ...]
    _steps: tuple[Step, ...] = field(repr=False)

    def values(self, frame: Any, now: datetime | None = None) -> "pd.Series[Any]":
        """One value per row of a frame; null where an operand is null.

        Whole numbers are int64, or Int64 where one is null, and truth values bool or boolean; dates are
        datetime64[us] in UTC without a time zone, differences of dates timedelta64[us].

        Args:
            frame: A DataFrame or GeoDataFrame; its times without a time zone are UTC.
            now: The instant of ``{now}``, with a time zone; one and the same for all rows.

        Raises:
            InvalidValue: The frame lacks an attribute, or two operands do not fit each other.
        """
        return as_series(self._term(frame, now), frame.index)

    def mask(self, frame: Any, now: datetime | None = None) -> NDArray[np.bool_]:
        """Which rows of a frame it is true of; not those where it is null.

        Raises:
            InvalidValue: As :meth:`values`, or its values are not true or false.
        """
        values = truth(self._term(frame, now))
        if isinstance(values, pa.Scalar):
            return np.full(len(frame), values.as_py() is True)
        found: NDArray[np.bool_] = values.fill_null(False).to_numpy(zero_copy_only=False)
        return found

    def _term(self, frame: Any, now: datetime | None) -> Term:
        moment = (now or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None)
        columns = {name: column_term(frame, name) for name in self.names}
        stack: list[Term] = []
        for step in self._steps:
            try:
                stack.append(_result(step, stack, columns, moment))
            except InvalidValue as error:
                raise InvalidValue(f"Position {step.position} of the expression: {error}.") from None
        return stack.pop()


def read_expression(text: str) -> Expression:
    """Reads an expression.

    Raises:
        InvalidValue: It is none; the text names the position and what was expected there.
    """
    steps = read_steps(text)
    names = dict.fromkeys(step.what for step in steps if step.does == "column")
    return Expression(text, tuple(names), steps)


def read_condition(text: str | None) -> Expression:
    """Reads a condition; an empty one is true of everything.

    Raises:
        InvalidValue: As :func:`read_expression`.
    """
    if text is None or not text.strip():
        return Expression("", (), (_EVERYTHING,))
    return read_expression(text)


def _result(step: Step, stack: list[Term], columns: dict[str, Term], now: datetime) -> Term:
    """What a step pushes; it takes its operands off the stack."""
    if step.does == "push":
        term: Term = step.what
        return term
    if step.does == "column":
        return columns[step.what]
    if step.does == "moment":
        value = special_moment(step.what, now)
        return Term(Kind.DATE, pa.scalar(value, CONSTANTS[Kind.DATE]), f"{{{step.what}}}")
    last = stack.pop()
    if step.does == "combine":
        return combined(step.what, stack.pop(), last)
    return negative(last) if step.does == "negate" else is_null(last)
