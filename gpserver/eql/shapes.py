"""What a SELECT may consist of: kinds of nodes of its tree, and which of their arguments may be filled."""

from collections.abc import Mapping

from sqlglot import exp

_BINARY = ("this", "expression")
_QUERY = ("with_", "order", "limit", "offset")

# Kinds of nodes that look after themselves in ``checks`` are not listed.
SHAPES: Mapping[type[exp.Expression], tuple[str, ...]] = {
    exp.Select: (
        *("expressions", "distinct", "from_", "joins", "laterals", "where", "group", "having", "windows"),
        *_QUERY,
    ),
    exp.Subquery: ("this", "alias", "joins", *_QUERY),
    **dict.fromkeys((exp.Union, exp.Except, exp.Intersect), (*_BINARY, "distinct", *_QUERY)),
    exp.From: ("this",),
    exp.Join: ("this", "on", "using", "side", "kind", "method"),
    exp.Where: ("this",),
    exp.Group: ("expressions", "cube", "rollup", "grouping_sets"),
    **dict.fromkeys((exp.Cube, exp.Rollup, exp.GroupingSets), ("expressions",)),
    exp.Having: ("this",),
    exp.Order: ("this", "expressions"),
    exp.Ordered: ("this", "desc", "nulls_first"),
    exp.Limit: ("expression",),
    exp.Offset: ("expression",),
    exp.Distinct: ("expressions", "on"),
    exp.Window: ("this", "partition_by", "order", "spec", "alias", "over", "first"),
    exp.WindowSpec: ("kind", "start", "start_side", "end", "end_side", "exclude"),
    exp.Filter: _BINARY,
    exp.WithinGroup: _BINARY,
    exp.Alias: ("this", "alias"),
    exp.TableAlias: ("this", "columns"),
    exp.Values: ("expressions", "alias"),
    exp.Star: (),
    exp.Paren: ("this",),
    exp.Tuple: ("expressions",),
    exp.Array: ("expressions", "bracket_notation", "value_constructor"),
    exp.Bracket: ("this", "expressions"),
    exp.Literal: ("this", "is_string"),
    exp.Null: (),
    exp.Boolean: ("this",),
    **dict.fromkeys((exp.And, exp.Or, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), _BINARY),
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Mod, exp.Pow, exp.Escape), _BINARY),
    **dict.fromkeys((exp.NullSafeEQ, exp.NullSafeNEQ, exp.ArrayOverlaps, exp.Distance), _BINARY),
    exp.Div: (*_BINARY, "typed", "safe"),
    exp.DPipe: (*_BINARY, "safe"),
    **dict.fromkeys((exp.Is, exp.Like, exp.ILike), (*_BINARY, "negate")),
    **dict.fromkeys((exp.JSONExtract, exp.JSONExtractScalar), (*_BINARY, "only_json_types")),
    exp.JSONPath: ("expressions",),
    exp.JSONPathRoot: (),
    exp.JSONPathKey: ("this",),
    exp.JSONPathSubscript: ("this",),
    exp.RegexpLike: _BINARY,
    exp.RegexpILike: _BINARY,
    exp.Not: ("this",),
    exp.Neg: ("this",),
    exp.Between: ("this", "low", "high"),
    exp.In: ("this", "expressions", "query"),
    exp.Exists: ("this",),
    exp.Any: ("this",),
    exp.All: ("this",),
    exp.Case: ("this", "ifs", "default"),
    exp.If: ("this", "true"),
    exp.Substring: ("this", "start", "length"),
    exp.StrPosition: ("this", "substr"),
    exp.Trim: ("this", "expression", "position"),
    exp.AtTimeZone: ("this", "zone"),
    exp.CurrentDate: (),
    exp.CurrentTimestamp: (),
    exp.Localtimestamp: (),
    exp.Unnest: ("expressions", "alias"),
    exp.Lateral: ("this", "alias"),
}
NOTES = {"_type", "ordinality"}
"""What the parser notes in a node without a difference in meaning, or that is false."""

JOINS = {"", "INNER", "CROSS", "OUTER", "LEFT", "RIGHT", "FULL", "NATURAL"}

UNITS = {
    *("MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "DOW", "DOY", "ISODOW", "WEEK"),
    *("MONTH", "QUARTER", "YEAR", "ISOYEAR", "DECADE", "CENTURY", "MILLENNIUM", "EPOCH"),
}
"""Parts of a date, in the singular."""

_TYPE = exp.DataType.Type
TYPES = {
    *(_TYPE.BOOLEAN, _TYPE.SMALLINT, _TYPE.INT, _TYPE.BIGINT, _TYPE.FLOAT, _TYPE.DOUBLE, _TYPE.DECIMAL),
    *(_TYPE.TEXT, _TYPE.VARCHAR, _TYPE.CHAR, _TYPE.UUID, _TYPE.JSON, _TYPE.JSONB),
    *(_TYPE.DATE, _TYPE.TIME, _TYPE.TIMESTAMP, _TYPE.TIMESTAMPTZ, _TYPE.INTERVAL),
    *(_TYPE.ARRAY, _TYPE.GEOMETRY, _TYPE.GEOGRAPHY),
}
"""To what a value may be cast."""
