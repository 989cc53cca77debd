"""The second query language: one SELECT of PostgreSQL over named layers, checked and never pasted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Select:
    """A SELECT that was checked.

    Attributes:
        layers: The names of the layers that it reads, each once, as written: ``("user.layer",)``.
    """

    layers: tuple[str, ...]

    def sql(
        self, dialect: Literal["duckdb", "postgres"], tables: Mapping[str, str] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """The statement for an engine, and the values to bind to it.

        DuckDB's has ``$name`` where a value is bound, PostgreSQL's ``%(name)s`` and ``%%`` (psycopg).

        Args:
            dialect: Of which engine.
            tables: What each layer is called there, as ``schema.table``; without it a layer is a table of
                that very name.
        """
        raise NotImplementedError


def read_select(text: str, parameters: Mapping[str, Any] | None = None) -> Select:
    """Reads a SELECT.

    Args:
        text: The statement; ``@name`` stands for a parameter, ``${isset:@name, {…}}`` for text that
            counts only when the parameter is set.
        parameters: Values by name, with ``@`` before the name or without.

    Raises:
        InvalidRequest: It is no statement, or has something in it that is not allowed; the text names it.
    """
    raise NotImplementedError


def read_where(condition: str | None, layer: str, parameters: Mapping[str, Any] | None = None) -> Select:
    """Reads a condition over one layer as the SELECT of its rows, with or without the word WHERE.

    Raises:
        InvalidRequest: As :func:`read_select`.
    """
    raise NotImplementedError
