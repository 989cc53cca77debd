"""The functions that a SELECT may call."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Function:
    """A function that a SELECT may call.

    Attributes:
        name: As PostgreSQL and PostGIS spell it.
        signature: Its parameters and what it gives: ``(geometry, geometry) -> boolean``.
        kind: ``scalar``, ``aggregate``, ``window``, ``table`` or ``spatial``.
    """

    name: str
    signature: str
    kind: str


def functions() -> tuple[Function, ...]:
    """All of them, by name."""
    raise NotImplementedError
