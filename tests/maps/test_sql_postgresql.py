"""PostgreSQL as a second opinion: thousands of generated conditions, orders, statistics on the same rows."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from gpserver.maps.order import sorted_rows
from gpserver.maps.statistics import statistics
from gpserver.maps.where import compile_where, parse_order

ROWS = 500
TEXTS = [
    *(
        "",
        " ",
        "a",
        "A",
        "b",
        "abc",
        "ABC",
        "Abc ",
        " abc",
        "10",
        "9",
        "NULL",
        "null",
        "%",
        "_",
        "a%b",
        "a_b",
        "axb",
    ),
    *(
        "a\\b",
        "\\",
        "x\ny",
        "tab\t",
        "O'Brien",
        "''",
        '"',
        "'; DROP TABLE sample; --",
        "/* */",
        "aaa",
        "aba",
        "!",
    ),
    *(
        "ä",
        "Äpfel",
        "äpfel",
        "e\u0301",
        "é",
        "Привет",
        "привет",
        "日本語",
        "🌍",
        "z",
        "Z",
        "\u00a0",
        "100%",
        "a.b*c",
    ),
]
# Field, Esri type, PostgreSQL type, Arrow type, and how to make a value.
Make = Callable[[random.Random], Any]
FIELDS: list[tuple[str, str, str, Any, Make]] = [
    ("S", "SmallInteger", "smallint", pa.int16(), lambda r: r.randint(-20, 20)),
    ("I", "Integer", "integer", pa.int32(), lambda r: r.choice([0, 1, 2, 7, -7, r.randint(-999, 999)])),
    ("B", "BigInteger", "bigint", pa.int64(), lambda r: r.choice([2**53 + 1, -(2**40), r.randint(-9, 9)])),
    ("F", "Single", "real", pa.float32(), lambda r: r.randint(-80, 80) / 4),
    (
        "D",
        "Double",
        "double precision",
        pa.float64(),
        lambda r: r.choice([0.0, 0.5, r.randint(-9999, 9999) / 8]),
    ),
    ("T", "String", "text", pa.large_string(), lambda r: r.choice(TEXTS)),
    ("U", "String", "text", pa.large_string(), lambda r: "".join(r.choices("abAB_% é", k=r.randint(0, 4)))),
    (
        "W",
        "Date",
        "timestamp(3)",
        pa.timestamp("ms"),
        lambda r: (
            datetime(1960, 1, 31) + timedelta(days=r.randint(0, 25000), milliseconds=r.randint(0, 86399999))
        ),
    ),
    (
        "V",
        "Date",
        "timestamp(3)",
        pa.timestamp("ms"),
        lambda r: datetime(2020, 1, r.randint(1, 31)) + timedelta(hours=r.choice([0, 0, 12, 23])),
    ),
]
ESRI = [
    {"name": "OBJECTID", "type": "esriFieldTypeOID", "alias": "OBJECTID"},
    *({"name": name, "type": f"esriFieldType{kind}", "alias": name} for name, kind, *_ in FIELDS),
]


@pytest.fixture(scope="module")
def columns() -> dict[str, Any]:
    dice = random.Random(3)
    table = {"OBJECTID": pa.array(range(1, ROWS + 1), pa.int64())}
    for name, _, _, kind, make in FIELDS:
        table[name] = pa.array([None if dice.random() < 0.15 else make(dice) for _ in range(ROWS)], kind)
    return table


@pytest.fixture(scope="module")
def sample(postgis: psycopg.Connection, columns: dict[str, Any]) -> Iterator[psycopg.Connection]:
    kinds = ", ".join(f"{name} {kind}" for name, _, kind, *_ in FIELDS)
    postgis.execute(f"CREATE TABLE sample (objectid bigint, {kinds})")
    with postgis.cursor().copy("COPY sample FROM STDIN") as copy:
        for row in zip(*(column.to_pylist() for column in columns.values()), strict=True):
            copy.write_row(row)
    yield postgis
    postgis.execute("DROP TABLE sample")


class Grammar:
    """Writes conditions that both sides read alike.

    Left out is what differs by intention: LOG is natural here, a backslash in LIKE is no escape, ROUND takes
    halves away from zero; and what only rounds differently, since decimal literals are doubles here.
    """

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def one(self, *makers: Any) -> str:
        maker = self.dice.choice(makers)
        return maker if isinstance(maker, str) else maker()

    def condition(self, depth: int = 3) -> str:
        if depth == 0 or self.dice.random() < 0.3:
            return self.one(self.comparison, self.comparison, self.list, self.between, self.like, self.null)
        a, b = self.condition(depth - 1), self.condition(depth - 1)
        return self.one(
            f"{a} AND {b}",
            f"{a} OR {b}",
            f"({a}) AND ({b})",
            f"({a} OR {b})",
            f"NOT {a}",
            f"NOT ({a} AND {b})",
        )

    def comparison(self) -> str:
        operator = self.one("=", "<>", "!=", "<", "<=", ">", ">=")
        value = self.dice.choice([self.number, self.number, self.text, self.date])
        if value == self.number and self.dice.random() < 0.1:
            return f"{self.integer()} {operator} '{self.dice.randint(-9, 9)}'"
        if value == self.date and self.dice.random() < 0.2:
            return f"V - W {operator} INTERVAL '{self.dice.randint(-9999, 9999)}' DAY"
        return f"{value()} {operator} {self.one(value, value, value, 'NULL')}"

    def list(self) -> str:
        make = self.dice.choice([self.whole, self.decimal, self.quoted, self.moment])
        field = {self.whole: self.integer, self.decimal: self.number, self.quoted: self.text}.get(
            make, self.date
        )
        items = [self.one(make, make, make, make, "NULL") for _ in range(self.dice.randint(1, 6))]
        return f"{field()} {self.one('IN', 'NOT IN')} ({', '.join([*items, make()])})"

    def between(self) -> str:
        make = self.dice.choice([self.number, self.text, self.date])
        return f"{make()} {self.one('BETWEEN', 'NOT BETWEEN')} {make()} AND {make()}"

    def null(self) -> str:
        return f"{self.one(self.number, self.text, self.date)} IS {self.one('', 'NOT ')}NULL"

    def like(self) -> str:
        pieces = self.dice.choices(["%", "_", "a", "b", "A", " ", "!%", "!_", "!!", "é", "\\", "", "''"], k=4)
        return f"{self.text()} {self.one('LIKE', 'NOT LIKE')} '{''.join(pieces)}' ESCAPE '!'"

    def whole(self) -> str:
        return str(self.dice.choice([0, 1, 2, 7, self.dice.randint(0, 999)]))

    def decimal(self) -> str:
        return f"{self.dice.randint(0, 800) / 8}"

    def quoted(self) -> str:
        return "'" + self.dice.choice(TEXTS).replace("'", "''") + "'"

    def moment(self) -> str:
        day = f"{self.dice.randint(1960, 2030)}-{self.dice.randint(1, 12):02}-{self.dice.randint(1, 28):02}"
        day = self.one(day, "2020-01-15")
        return self.one(f"DATE '{day}'", f"TIMESTAMP '{day} 12:00:00'", f"TIMESTAMP '{day} 23:59:59.5'")

    def small(self) -> str:
        return self.one("S", "I", "I", self.whole)

    def integer(self) -> str:
        """A whole number; what is multiplied stays within PostgreSQL's 32 bits."""
        a, b = self.small(), self.small()
        return self.one(
            *(
                "S",
                "I",
                "I",
                "B",
                "OBJECTID",
                self.whole,
                f"-{a}",
                f"({a} + {b})",
                f"{a} * {b}",
                f"{a} - -{b}",
            ),
            *(
                f"ABS({a})",
                f"MOD({a}, {self.dice.randint(1, 9)})",
                f"I / NULLIF({b}, 0)",
                f"B / {self.whole()}1",
            ),
            *(
                f"COALESCE({a}, {b})",
                f"NULLIF({a}, {b})",
                f"CAST({self.one('D', 'F', 'D * 2.5')} AS INTEGER)",
                f"{a} % 7",
            ),
            *(f"CHAR_LENGTH({self.text()})", f"POSITION({self.needle()} IN {self.text()})"),
            f"EXTRACT({self.one('YEAR', 'MONTH', 'DAY')} FROM {self.date()})",
            f"EXTRACT({self.one('HOUR', 'MINUTE')} FROM {self.one('V', 'W')})",
            f"CAST(CAST({a} AS VARCHAR(9)) AS BIGINT)",
        )

    def real(self) -> str:
        a = self.one("D", "F", "D", self.decimal)
        return self.one(
            *(
                "D",
                "F",
                self.decimal,
                f"-{a}",
                f"({a} + I)",
                f"{a} * 2.5",
                f"I * {self.decimal()}",
                "D / 4.0",
            ),
            *(f"ABS({a})", f"CEILING({a})", f"FLOOR({a})", f"SQRT(ABS({a}))", f"POWER({a}, 2)", f"SIGN({a})"),
            *(f"SIN({a})", f"COS({a})", f"LN(ABS({a}) + 1)", f"LOG10(ABS({a}) + 1)", "CAST(I AS FLOAT)"),
            *(f"ROUND(CAST({a} AS NUMERIC), 1)", "EXTRACT(SECOND FROM V)", f"COALESCE({a}, 0.5)", f"D - {a}"),
        )

    def number(self) -> str:
        if self.dice.random() < 0.1:
            return f"CASE WHEN {self.condition(1)} THEN {self.real()} ELSE {self.integer()} END"
        if self.dice.random() < 0.1:
            return f"CASE {self.small()} WHEN 1 THEN {self.small()} WHEN {self.small()} THEN 5 END"
        return self.one(self.integer, self.real)

    def needle(self) -> str:
        return self.one("'a'", "'b'", "'é'", "''", "'aa'", "'%'", "'日'")

    def text(self) -> str:
        field = self.one("T", "U")
        return self.one(
            *(
                field,
                "T",
                "U",
                self.quoted,
                f"LOWER({field})",
                f"UPPER({field})",
                f"{field} || 'a'",
                "T || U",
            ),
            *(
                f"CONCAT({field}, 'x', I)",
                f"TRIM({field})",
                f"TRIM(BOTH 'a' FROM {field})",
                f"COALESCE({field}, 'n')",
            ),
            *(f"TRIM(LEADING ' ' FROM {field})", f"TRIM(TRAILING 'b' FROM {field})", f"NULLIF({field}, 'a')"),
            *(f"SUBSTRING({field} FROM 2)", f"SUBSTRING({field} FROM {self.dice.randint(-1, 3)} FOR 2)"),
            *(
                f"SUBSTRING({field}, 1, 1)",
                "CAST(I AS VARCHAR(2))",
                "CAST(D AS VARCHAR(20))",
                "CAST(W AS VARCHAR(30))",
            ),
            f"CASE WHEN {field} > 'b' THEN U ELSE 'x' END",
        )

    def date(self) -> str:
        a, number = self.one("W", "V", "V"), self.dice.randint(-40, 40)
        unit = self.one("DAY", "HOUR", "MINUTE", "SECOND", "MONTH", "YEAR")
        return self.one(
            *(a, "V", "W", self.moment, f"CAST({a} AS DATE)", f"COALESCE(W, {a})", f"NULLIF(V, {a})"),
            *(f"{a} + INTERVAL '{number}' {unit}", f"{a} - INTERVAL '{number}' {unit}", "CURRENT_TIMESTAMP"),
            *("CURRENT_DATE", "V + INTERVAL '1 12:30:00' DAY TO SECOND"),
        )


@pytest.mark.parametrize("seed", range(8))
def test_conditions_choose_the_same_rows(
    seed: int, sample: psycopg.Connection, columns: dict[str, Any]
) -> None:
    grammar, chosen = Grammar(seed), 0
    for _ in range(400):
        condition = grammar.condition()
        query = f"SELECT array_agg(objectid ORDER BY objectid) FROM sample WHERE {condition}"
        expected = sample.execute(query).fetchone()[0] or []
        found = (np.flatnonzero(compile_where(condition, ESRI).mask(columns.__getitem__, ROWS)) + 1).tolist()
        assert found == expected, condition
        chosen += 0 < len(found) < ROWS
    assert chosen > 160  # most conditions divide the rows


def test_orders_are_the_same(sample: psycopg.Connection, columns: dict[str, Any]) -> None:
    dice = random.Random(11)
    for _ in range(300):
        names = dice.sample([name for name, *_ in FIELDS], dice.randint(1, 4))
        order = ", ".join(name + dice.choice(["", " ASC", " DESC"]) for name in [*names, "OBJECTID"])
        expected = sample.execute(f"SELECT array_agg(objectid ORDER BY {order}) FROM sample").fetchone()[0]
        assert (sorted_rows(columns.__getitem__, parse_order(order, ESRI), ROWS) + 1).tolist() == expected, (
            order
        )


SQL = {"stddev": "stddev_samp({})", "var": "var_samp({})"} | {
    f"percentile_{kind}": f"percentile_{kind}({{share}}) WITHIN GROUP (ORDER BY {{}} {{direction}})"
    for kind in ("cont", "disc")
}


class Question:
    """A generated request for statistics, and the same for PostgreSQL."""

    def __init__(self, seed: int) -> None:
        grammar = Grammar(seed)
        self.dice = grammar.dice
        self.keys = self.dice.sample(
            ["S", "U", "I % 5", "EXTRACT(MONTH FROM V)", "SUBSTRING(T, 1, 1)"], self.dice.randint(0, 2)
        )
        self.definitions, sql = [], []
        for number in range(self.dice.randint(1, 4)):
            kind = self.dice.choice(["count", "sum", "min", "max", "avg", "stddev", "var", *SQL])
            on = self.dice.choice(["S", "I", "F", "D", "D / 4", "I * 2 + S"])
            if kind in ("count", "min", "max", "percentile_disc"):
                on = self.dice.choice([on, "OBJECTID", "B", "T", "V", "UPPER(U)"])
            share, direction = self.dice.choice([0, 0.25, 0.5, 0.9, 1]), self.dice.choice(["ASC", "DESC"])
            self.definitions.append(
                {
                    "statisticType": self.dice.choice([kind, kind.upper()]),
                    "onStatisticField": on,
                    "outStatisticFieldName": f"V{number}",
                    "statisticParameters": {"value": share, "orderBy": direction},
                }
            )
            sql.append(SQL.get(kind, kind + "({})").format(on, share=share, direction=direction))
        self.having = self.dice.choice(
            [
                "",
                "",
                "COUNT(*) > 20",
                "SUM(I) > 0 OR AVG(D) IS NULL",
                "MAX(T) LIKE 'z%'",
                "STDDEV(D) < MIN(S) + 500",
            ]
        )
        self.where = grammar.condition(1)
        groups = f" GROUP BY {', '.join(self.keys)}" if self.keys else ""
        having = f" HAVING {self.having}" if self.having else ""
        self.sql = f"SELECT {', '.join([*self.keys, *sql])} FROM sample WHERE {self.where}{groups}{having}"


def by_group(rows: Iterable[Sequence[Any]], keys: int) -> dict[str, list[Any]]:
    """Statistics by group; where PostgreSQL has decimals, we have doubles."""
    numbers = ([float(value) if isinstance(value, int | Decimal) else value for value in row] for row in rows)
    return {str(row[:keys]): row[keys:] for row in numbers}


def close(row: list[Any]) -> list[Any]:
    return [pytest.approx(value, 1e-9, 1e-9) if isinstance(value, float) else value for value in row]


@pytest.mark.parametrize("seed", range(6))
def test_statistics_are_the_same(seed: int, sample: psycopg.Connection, columns: dict[str, Any]) -> None:
    for number in range(60):
        question = Question(100 * seed + number)
        expected = by_group(sample.execute(question.sql).fetchall(), len(question.keys))
        mask = pa.array(compile_where(question.where, ESRI).mask(columns.__getitem__, ROWS))
        chosen = {name: column.filter(mask) for name, column in columns.items()}
        _, values = statistics(
            *(question.definitions, question.keys, question.having, ""),
            *(ESRI, chosen.__getitem__, pc.sum(mask).as_py()),
        )
        found = by_group(zip(*(column.to_pylist() for column in values), strict=True), len(question.keys))
        assert found == {group: close(row) for group, row in expected.items()}, question.sql
