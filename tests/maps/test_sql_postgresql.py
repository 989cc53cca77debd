"""PostgreSQL as a second opinion: thousands of generated conditions, orders, statistics on the same rows."""

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pytest

from gpserver.maps.order import sorted_rows
from gpserver.maps.statistics import statistics
from gpserver.maps.where import compile_where, parse_order

ROWS = 500
WORDS = ["", " ", "a", "A", "b", "abc", "ABC", "Abc ", " abc", "aaa", "aba", "z", "Z", "10", "9", "NULL"]
SIGNS = ["%", "_", "!", "a%b", "a_b", "axb", "a\\b", "\\", "100%", "a.b*c", "x\ny", "tab\t", "\u00a0"]
QUOTES = ["O'Brien", "''", '"', "/* */", "'; DROP TABLE sample; --"]
LETTERS = ["ä", "Äpfel", "äpfel", "e\u0301", "é", "Привет", "привет", "日本語", "🌍"]
TEXTS = [*WORDS, *SIGNS, *QUOTES, *LETTERS]
DAYS = [datetime(1960, 1, 31) + timedelta(days=37.1237 * number) for number in range(600)]
HOURS = [datetime(2020, 1, day, hour) for day in range(1, 32) for hour in (0, 0, 12, 23)]
# By name: Esri type, PostgreSQL type, Arrow type, and values to choose from.
FIELDS: dict[str, tuple[str, str, Any, Sequence[Any]]] = {
    "S": ("SmallInteger", "smallint", pa.int16(), range(-20, 21)),
    "I": ("Integer", "integer", pa.int32(), [0, 0, 1, 1, 2, 7, -7, *range(-999, 1000, 97)]),
    "B": ("BigInteger", "bigint", pa.int64(), [2**53 + 1, -(2**40), *range(-9, 10)]),
    "F": ("Single", "real", pa.float32(), [number / 4 for number in range(-80, 81)]),
    "D": ("Double", "double precision", pa.float64(), [number / 8 for number in range(-9999, 9999, 99)]),
    "T": ("String", "text", pa.large_string(), TEXTS),
    "U": ("String", "text", pa.large_string(), ["".join(pair) for pair in product("abA_% é", "abB", " ab")]),
    "W": ("Date", "timestamp(3)", pa.timestamp("ms"), DAYS),
    "V": ("Date", "timestamp(3)", pa.timestamp("ms"), HOURS),
}
ESRI = [
    {"name": "OBJECTID", "type": "esriFieldTypeOID", "alias": "OBJECTID"},
    *({"name": name, "type": f"esriFieldType{kind}", "alias": name} for name, (kind, *_) in FIELDS.items()),
]


@pytest.fixture(scope="module")
def columns() -> dict[str, Any]:
    dice = random.Random(3)
    table = {"OBJECTID": pa.array(range(1, ROWS + 1), pa.int64())}
    for name, (_, _, kind, values) in FIELDS.items():
        chosen = [None if dice.random() < 0.15 else dice.choice(values) for _ in range(ROWS)]
        table[name] = pa.array(chosen, kind)
    return table


@pytest.fixture(scope="module")
def sample(postgis: psycopg.Connection, columns: dict[str, Any]) -> Iterator[psycopg.Connection]:
    kinds = ", ".join(f"{name} {kind}" for name, (_, kind, *_) in FIELDS.items())
    postgis.execute(f"CREATE TABLE sample (objectid bigint, {kinds})")
    with postgis.cursor().copy("COPY sample FROM STDIN") as copy:
        for row in zip(*(column.to_pylist() for column in columns.values()), strict=True):
            copy.write_row(row)
    yield postgis
    postgis.execute("DROP TABLE sample")


# A grammar of conditions that both sides read alike; a line is an alternative, the first one ends recursions.
# Left out is what differs by intention: LOG is natural here, a backslash in LIKE is no escape, ROUND takes
# halves away from zero; and what differs in the last digit, since decimal literals are doubles here.
RULES = {
    name: [line.strip() for line in lines.strip().splitlines()]
    for name, lines in {
        "condition": """
            {test}
            {test}
            {test}
            {condition} AND {condition}
            {condition} OR {condition}
            ({condition} OR {condition})
            ({condition}) AND ({condition})
            NOT {condition}
            NOT ({condition} AND {condition})
            """,
        "test": """
            I > {whole}
            {number} {compare} {number}
            {number} {compare} {number}
            {text} {compare} {text}
            {date} {compare} {date}
            {integer} {compare} '-{digit}'
            V {compare} '20{digit}{digit}-01-31'
            V - W {compare} INTERVAL '{digit}{digit}{digit}{digit}' DAY
            {number} {compare} NULL
            {integer} IN ({whole}, {digit}, {whole}, NULL)
            {number} NOT IN ({whole}, {decimal}, {decimal}, {whole})
            {text} IN ({quoted}, {quoted}, {quoted}, {quoted})
            {text} NOT IN ({quoted}, NULL)
            {date} NOT IN ({moment}, {moment})
            {number} BETWEEN {number} AND {number}
            {text} NOT BETWEEN {text} AND {text}
            {date} BETWEEN {date} AND {date}
            {number} IS NULL
            {text} IS NOT NULL
            {date} IS NULL
            {text} LIKE '{wild}{wild}{wild}' ESCAPE '!'
            {text} NOT LIKE '{wild}{wild}{wild}{wild}' ESCAPE '!'
            T LIKE '{letter}%'
            """,
        "compare": "=\n<>\n!=\n<\n<=\n>\n>=",
        "wild": "%\n%\n_\na\nb\nA\n!%\n!_\n!!\né\n\\\n''\n",
        "letter": "a\nb\nA\né\nz",
        "digit": "0\n1\n2\n3\n4\n5\n6\n7\n8\n9",
        "whole": "{digit}\n0\n1\n7\n{digit}{digit}\n{digit}{digit}{digit}",
        "decimal": "{whole}.5\n{whole}.0\n{whole}.125\n.25\n1e2",
        "quoted": "\n".join("'" + text.replace("'", "''") + "'" for text in TEXTS if "\n" not in text),
        "day": "19{digit}{digit}-02-28\n20{digit}{digit}-0{nonzero}-1{digit}\n2020-01-15",
        "nonzero": "1\n2\n3\n4\n5\n6\n7\n8\n9",
        "moment": "DATE '{day}'\nTIMESTAMP '{day} 12:00:00'\nTIMESTAMP '{day} 23:59:59.5'",
        # What is multiplied stays within PostgreSQL's 32 bits.
        "small": "S\nI\nI\n{whole}",
        "integer": """
            I
            S
            B
            OBJECTID
            {whole}
            -{small}
            ({small} + {small})
            {small} * {small}
            {small} - -{small}
            {small} % {nonzero}
            I / NULLIF({small}, 0)
            B / {whole}1
            ABS({small})
            MOD({small}, {nonzero})
            COALESCE({small}, {small})
            NULLIF({small}, {small})
            CAST(D * 2.5 AS INTEGER)
            CAST(F AS INTEGER)
            CAST(CAST({small} AS VARCHAR(9)) AS BIGINT)
            CHAR_LENGTH({text})
            POSITION({needle} IN {text})
            EXTRACT(YEAR FROM {date})
            EXTRACT(MONTH FROM {date})
            EXTRACT(DAY FROM {date})
            EXTRACT(HOUR FROM W)
            EXTRACT(MINUTE FROM V)
            CASE {small} WHEN 1 THEN {small} WHEN {small} THEN 5 END
            """,
        "float": "D\nF\nD\n{decimal}",
        "real": """
            D
            F
            {decimal}
            -{float}
            ({float} + I)
            {float} * 2.5
            I * {decimal}
            D / 4.0
            D - {float}
            ABS({float})
            CEILING({float})
            FLOOR({float})
            SIGN({float})
            SQRT(ABS({float}))
            POWER({float}, 2)
            SIN({float})
            COS({float})
            LN(ABS({float}) + 1)
            LOG10(ABS({float}) + 1)
            CAST(I AS FLOAT)
            ROUND(CAST({float} AS NUMERIC), 1)
            EXTRACT(SECOND FROM V)
            COALESCE({float}, 0.5)
            """,
        "number": "{integer}\n{integer}\n{real}\n{real}\nCASE WHEN {test} THEN {real} ELSE {integer} END",
        "needle": "'a'\n'b'\n'é'\n''\n'aa'\n'%'\n'日'",
        "column": "T\nU",
        "text": """
            T
            U
            {quoted}
            LOWER({column})
            UPPER({column})
            {column} || 'a'
            T || U
            CONCAT({column}, 'x', I)
            TRIM({column})
            TRIM(BOTH 'a' FROM {column})
            TRIM(LEADING ' ' FROM {column})
            TRIM(TRAILING 'b' FROM {column})
            COALESCE({column}, 'n')
            NULLIF({column}, 'a')
            SUBSTRING({column} FROM 2)
            SUBSTRING({column} FROM -1 FOR 3)
            SUBSTRING({column}, 2, 1)
            CAST(I AS VARCHAR(2))
            CAST(D AS VARCHAR(20))
            CAST(W AS VARCHAR(30))
            CASE WHEN {column} > 'b' THEN U ELSE 'x' END
            """,
        "date": """
            V
            W
            {moment}
            CAST(W AS DATE)
            COALESCE(W, V)
            NULLIF(V, {moment})
            V + INTERVAL '{whole}' DAY
            V - INTERVAL '{whole}' HOUR
            W + INTERVAL '-{whole}' MINUTE
            W - INTERVAL '{whole}' SECOND
            V + INTERVAL '1 12:30:00' DAY TO SECOND
            W + INTERVAL '{whole}' MONTH
            W - INTERVAL '{digit}' YEAR
            CURRENT_TIMESTAMP
            CURRENT_DATE
            """,
    }.items()
}


def write(dice: random.Random, name: str, depth: int = 5) -> str:
    """A sentence of the grammar."""
    line = dice.choice(RULES[name]) if depth > 0 else RULES[name][0]
    return re.sub(r"\{(\w+)\}", lambda part: write(dice, part[1], depth - 1), line)


@pytest.mark.parametrize("seed", range(6))
def test_conditions_choose_the_same_rows(
    seed: int, sample: psycopg.Connection, columns: dict[str, Any]
) -> None:
    dice, chosen = random.Random(seed), 0
    for _ in range(400):
        condition = write(dice, "condition")
        query = f"SELECT array_agg(objectid ORDER BY objectid) FROM sample WHERE {condition}"
        expected = sample.execute(query).fetchone()[0] or []
        found = (np.flatnonzero(compile_where(condition, ESRI).mask(columns.__getitem__, ROWS)) + 1).tolist()
        assert found == expected, condition
        chosen += 0 < len(found) < ROWS
    assert chosen > 160  # most conditions divide the rows


def test_orders_are_the_same(sample: psycopg.Connection, columns: dict[str, Any]) -> None:
    dice = random.Random(11)
    for _ in range(300):
        names = dice.sample([*FIELDS], dice.randint(1, 4))
        order = ", ".join(name + dice.choice(["", " ASC", " DESC"]) for name in [*names, "OBJECTID"])
        expected = sample.execute(f"SELECT array_agg(objectid ORDER BY {order}) FROM sample").fetchone()[0]
        found = sorted_rows(columns.__getitem__, parse_order(order, ESRI), ROWS) + 1
        assert found.tolist() == expected, order


SQL = {"stddev": "stddev_samp({})", "var": "var_samp({})"} | {
    f"percentile_{kind}": f"percentile_{kind}({{share}}) WITHIN GROUP (ORDER BY {{}} {{direction}})"
    for kind in ("cont", "disc")
}


KEYS = ["S", "U", "I % 5", "EXTRACT(MONTH FROM V)", "SUBSTRING(T, 1, 1)"]
NUMBERS = ["S", "I", "F", "D", "D / 4", "I * 2 + S"]
ANYTHING = ["OBJECTID", "B", "T", "V", "UPPER(U)", *NUMBERS]
HAVING = ["", "COUNT(*) > 20", "SUM(I) > 0 OR AVG(D) IS NULL", "MAX(T) LIKE 'z%'", "STDDEV(D) < MIN(S) + 500"]


def statistic(dice: random.Random, name: str) -> tuple[dict[str, Any], str]:
    """A generated member of outStatistics, and its SQL."""
    kind = dice.choice(["count", "sum", "min", "max", "avg", "stddev", "var", *SQL])
    on = dice.choice(ANYTHING if kind in ("count", "min", "max", "percentile_disc") else NUMBERS)
    share, direction = dice.choice([0, 0.25, 0.5, 0.9, 1]), dice.choice(["ASC", "DESC"])
    definition = {
        "statisticType": dice.choice([kind, kind.upper()]),
        "onStatisticField": on,
        "outStatisticFieldName": name,
        "statisticParameters": {"value": share, "orderBy": direction},
    }
    return definition, SQL.get(kind, kind + "({})").format(on, share=share, direction=direction)


def by_group(rows: Iterable[Sequence[Any]], keys: int) -> dict[str, list[Any]]:
    """Statistics by group; where PostgreSQL has decimals, we have doubles."""
    numbers = ([float(value) if isinstance(value, int | Decimal) else value for value in row] for row in rows)
    return {str(row[:keys]): row[keys:] for row in numbers}


def close(row: list[Any]) -> list[Any]:
    return [pytest.approx(value, 1e-9, 1e-9) if isinstance(value, float) else value for value in row]


@pytest.mark.parametrize("seed", range(6))
def test_statistics_are_the_same(seed: int, sample: psycopg.Connection, columns: dict[str, Any]) -> None:
    dice = random.Random(seed)
    for _ in range(60):
        keys, having, where = (
            dice.sample(KEYS, dice.choice([0, 1, 2])),
            dice.choice(HAVING),
            write(dice, "condition", 3),
        )
        definitions, sql = zip(*(statistic(dice, f"v{number}") for number in range(3)), strict=True)
        query = f"SELECT {', '.join([*keys, *sql])} FROM sample WHERE {where}"
        query += f" GROUP BY {', '.join(keys)}" * bool(keys) + f" HAVING {having}" * bool(having)
        expected = by_group(sample.execute(query).fetchall(), len(keys))
        mask = compile_where(where, ESRI).mask(columns.__getitem__, ROWS)
        chosen = {name: column.filter(pa.array(mask)) for name, column in columns.items()}
        _, values = statistics(list(definitions), keys, having, "", ESRI, chosen.__getitem__, mask.sum())
        found = by_group(zip(*(column.to_pylist() for column in values), strict=True), len(keys))
        assert found == {group: close(row) for group, row in expected.items()}, query
