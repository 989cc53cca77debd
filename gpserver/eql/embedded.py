"""A checked SELECT in DuckDB's words, where they differ from PostgreSQL's."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.time import format_time

from gpserver.eql.frames import crs_name
from gpserver.eql.geographies import is_geodesic, is_geography
from gpserver.eql.grammar import constant, shown
from gpserver.errors import InvalidRequest

_TYPE = exp.DataType.Type
_WORLD = "EPSG:4326"
_GEOMETRY_TYPES = ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon")
_CASES = " ".join(
    f"WHEN '{name.upper()}' THEN 'ST_{name}'" for name in (*_GEOMETRY_TYPES, "GeometryCollection")
)

# By name, or by name and count of arguments: what to call instead. crs() makes a name of an EPSG code.
_TEMPLATES = {
    "array_length": "length($1)",
    "btrim": "trim($1)",
    "btrim 2": "trim($1, $2)",
    "char_length": "length($1)",
    "chr": "chr(CAST($1 AS INT))",
    "every": "bool_and($1)",
    "generate_series": "unnest(generate_series($1, $2))",
    "generate_series 3": "unnest(generate_series($1, $2, $3))",
    "geometrytype": "CAST(ST_GeometryType($1) AS TEXT)",
    "lpad 2": "lpad($1, $2, ' ')",
    "round 1": "eql_round($1)",
    "rpad 2": "rpad($1, $2, ' ')",
    "st_asbinary": "ST_AsWKB($1)",
    "st_astext": "replace(replace(ST_AsText($1), ' (', '('), ', ', ',')",
    "st_collect": "ST_Collect(list($1))",
    "st_collect 2": "ST_Collect([$1, $2])",
    "st_collectionextract": "ST_CollectionExtract($1, CAST($2 AS INT))",
    "st_concavehull 2": "ST_ConcaveHull($1, $2, FALSE)",
    "st_distance": "eql_plane_distance($1, $2)",
    "st_dump": "unnest(ST_Dump($1))",
    "st_geometrytype": f"CASE CAST(ST_GeometryType($1) AS TEXT) {_CASES} END",
    "st_geomfromgeojson": f"ST_SetCRS(ST_GeomFromGeoJSON($1), '{_WORLD}')",
    "st_geomfromtext 2": "ST_SetCRS(ST_GeomFromText($1), crs($2))",
    "st_interiorringn": "ST_InteriorRingN($1, CAST($2 AS INT))",
    "st_makeenvelope 5": "ST_SetCRS(ST_MakeEnvelope($1, $2, $3, $4), crs($5))",
    "st_makeline": "ST_MakeLine(list($1))",
    "st_makeline 2": "ST_MakeLine($1, $2)",
    "st_makepoint": "ST_Point($1, $2)",
    "st_point 3": "ST_SetCRS(ST_Point($1, $2), crs($3))",
    "st_pointn": "ST_PointN($1, CAST($2 AS INT))",
    "st_setsrid": "ST_SetCRS($1, crs($2))",
    "st_srid": "eql_srid($1)",
    "st_transform": "ST_Transform($1, crs($2))",
    "st_union": "ST_Union_Agg($1)",
    "st_union 2": "ST_Union($1, $2)",
    "substr": "eql_part($1, $2, NULL)",
    "substr 3": "eql_part($1, $2, $3)",
}
_GEODESIC = {
    "st_area": "ST_Area_Spheroid($1)",
    "st_buffer": f"ST_SetCRS(ST_GeomFromWKB(eql_buffer(ST_AsWKB($1), $2, 8)), '{_WORLD}')",
    "st_buffer 3": f"ST_SetCRS(ST_GeomFromWKB(eql_buffer(ST_AsWKB($1), $2, $3)), '{_WORLD}')",
    "st_distance": "eql_distance(ST_AsWKB($1), ST_AsWKB($2))",
    "st_dwithin": "eql_within($1, $2, $3)",
    "st_intersects": "eql_within($1, $2, 0.00001)",  # PostGIS' tolerance
    "st_length": "ST_Length_Spheroid($1)",
    "st_perimeter": "ST_Perimeter_Spheroid($1)",
}
_STYLES = {
    "endcap": {"round": "CAP_ROUND", "flat": "CAP_FLAT", "butt": "CAP_FLAT", "square": "CAP_SQUARE"},
    "join": {"round": "JOIN_ROUND", "mitre": "JOIN_MITRE", "miter": "JOIN_MITRE", "bevel": "JOIN_BEVEL"},
}


_BY_SIZE = (_TYPE.VARCHAR, _TYPE.CHAR)
_TABLE_DUMP = "SELECT unnest(ST_Dump($1), max_depth := 2)"


def embedded(tree: Any, parameters: Mapping[str, Any]) -> Any:
    """Puts DuckDB's words into a tree of PostgreSQL's.

    Args:
        tree: A checked one; it is changed.
        parameters: Values by name, for what must be a constant here.

    Raises:
        InvalidRequest: What must be a constant is none.
    """
    # From the top: whoever takes a geography sees it before it becomes a geometry of its spatial reference.
    for node in list(tree.walk()):
        if type(node) in _FORMS:
            new = _FORMS[type(node)](node, parameters)
            if new is not node:
                node.replace(new)
    return tree


def _call(node: Any, parameters: Mapping[str, Any]) -> Any:
    name, arguments = str(node.this), node.expressions
    styled = name == "st_buffer" and len(arguments) == 3
    style = _style(arguments[2], parameters) if styled else []
    if is_geodesic(node):
        places = 2 if name in ("st_distance", "st_dwithin", "st_intersects") else 1
        arguments = [*map(_on_globe, arguments[:places]), *arguments[places:]]
        return _by_template(
            _GEODESIC, name, [*arguments[:2], *style[:1]] if styled else arguments, parameters
        )
    if styled:
        return exp.Anonymous(this=name, expressions=[*arguments[:2], *style])
    if name in ("concat", "concat_ws"):
        return exp.Anonymous(this=name, expressions=list(map(_as_text, arguments)))
    if name == "round" and _is_numeric(arguments[0]):
        return node  # halves go away from zero
    if name == "to_char":
        return exp.Anonymous(this="strftime", expressions=[arguments[0], _pattern(arguments[1])])
    return _by_template(_TEMPLATES, name, arguments, parameters) or node


def _is_numeric(node: Any) -> bool:
    cast = node.unnest()
    return isinstance(cast, exp.Cast) and cast.to.this == _TYPE.DECIMAL


def _as_text(node: Any) -> Any:
    return node if isinstance(node, exp.Literal) else exp.Anonymous(this="eql_text", expressions=[node])


def _joined(node: Any, parameters: Mapping[str, Any]) -> Any:
    """What is joined to a text in quotes is a text; what both sides are otherwise, nobody knows."""
    if any(isinstance(side, exp.Literal) and side.is_string for side in (node.this, node.expression)):
        node.set("this", _as_text(node.this))
        node.set("expression", _as_text(node.expression))
    return node


def _part(node: Any, parameters: Mapping[str, Any]) -> Any:
    parts = [
        node.this,
        node.args.get("start") or exp.Literal.number(1),
        node.args.get("length") or exp.Null(),
    ]
    return exp.Anonymous(this="eql_part", expressions=parts)


def _on_globe(node: Any) -> Any:
    return node if is_geography(node) else exp.Cast(this=node, to=_type(_TYPE.GEOMETRY, _WORLD))


def _type(kind: Any, crs: str = "") -> Any:
    return exp.DataType(this=kind, expressions=[exp.Literal.string(crs)] if crs else [])


def _by_template(
    templates: Mapping[str, str], name: str, arguments: list[Any], parameters: Mapping[str, Any]
) -> Any:
    text = templates.get(f"{name} {len(arguments)}") or templates.get(name)
    if text is None:
        return None
    tree = _parsed(text).copy()
    for hole in list(tree.find_all(exp.Placeholder, exp.Parameter)):
        argument = arguments[int(hole.name) - 1]
        if isinstance(hole.parent, exp.Anonymous) and hole.parent.this == "crs":
            hole.parent.replace(_code(argument, parameters))
        else:
            hole.replace(argument)
    return tree


@cache
def _parsed(text: str) -> Any:
    return sqlglot.parse_one(text, dialect="duckdb")


def _code(node: Any, parameters: Mapping[str, Any]) -> Any:
    value = constant(node, parameters)
    if not isinstance(value, int) or not 0 < value < 10**9:
        raise InvalidRequest(f"{shown(node)!r}: a whole number must stand here, as it is or as a parameter.")
    return exp.Literal.string(crs_name(value))


def _style(node: Any, parameters: Mapping[str, Any]) -> list[Any]:
    """Segments of a quarter circle, or those words of PostGIS that style a buffer, as DuckDB takes them."""
    value = constant(node, parameters)
    if isinstance(value, int):
        return [exp.Literal.number(max(1, min(value, 1000)))]
    words = dict(word.partition("=")[::2] for word in str(value).lower().split())
    try:
        segments = min(int(words.pop("quad_segs", 8)), 1000)
        limit = float(words.pop("mitre_limit", words.pop("miter_limit", 5)))
        styles = [_STYLES[name][words.pop(name, "round")] for name in _STYLES]
    except (KeyError, ValueError):
        words["?"] = ""
    if words:
        raise InvalidRequest(
            f"{shown(node)!r}: a buffer takes quad_segs=8 endcap=round|flat|square join=round|mitre|bevel"
            " mitre_limit=5."
        )
    return [exp.Literal.number(segments), *map(exp.Literal.string, styles), exp.Literal.number(limit)]


def _pattern(node: Any) -> Any:
    if not (isinstance(node, exp.Literal) and node.is_string):
        raise InvalidRequest(f"{shown(node)!r}: the pattern of to_char is a text in quotes.")
    return exp.Literal.string(format_time(node.name, Postgres.TIME_MAPPING, Postgres.TIME_TRIE) or "")


def _distance(node: Any, parameters: Mapping[str, Any]) -> Any:
    call = exp.Anonymous(this="st_distance", expressions=[node.this, node.expression])
    return _call(call, parameters)


def _cast(node: Any, parameters: Mapping[str, Any]) -> Any:
    kind = node.to.this
    if kind == _TYPE.GEOGRAPHY:
        node.set("to", _type(_TYPE.GEOMETRY, _WORLD))
    elif kind == _TYPE.GEOMETRY and not isinstance(node.this, exp.Literal | exp.Parameter):
        return node.this  # a cast of DuckDB would forget the spatial reference
    elif kind == _TYPE.TEXT and not isinstance(node.this, exp.Literal):
        return _as_text(node.this)
    elif kind == _TYPE.DECIMAL and not node.to.expressions:
        node.set("to", _type(_TYPE.DOUBLE))  # DuckDB's has three decimals, PostgreSQL's all
    elif kind in _BY_SIZE and node.to.expressions:
        return exp.Anonymous(this="left", expressions=[_as_text(node.this), node.to.expressions[0].copy()])
    return node


def _like(node: Any, parameters: Mapping[str, Any]) -> Any:
    """PostgreSQL's LIKE escapes with a backslash unless it is told otherwise."""
    plain = isinstance(node.expression, exp.Literal) and "\\" not in node.expression.name
    if plain or isinstance(node.parent, exp.Escape):
        return node
    return exp.Escape(this=node.copy(), expression=exp.Literal.string("\\"))


def _ordered_set(node: Any, parameters: Mapping[str, Any]) -> Any:
    """An aggregate of ordered values: DuckDB takes the values first; from the top is from the bottom."""
    ordered, call = node.expression.expressions[0], node.this
    part = [exp.Paren(this=share) for share in call.expressions]
    if ordered.args.get("desc"):
        part = [exp.Paren(this=exp.Sub(this=exp.Literal.number(1), expression=share)) for share in part]
    name = {"percentile_cont": "quantile_cont", "percentile_disc": "quantile_disc"}.get(call.this, call.this)
    return exp.Anonymous(this=name, expressions=[ordered.this, *part])


def _rows(node: Any, parameters: Mapping[str, Any]) -> Any:
    """A function behind FROM: a query of its own, which sees what stands before it."""
    call = node if isinstance(node, exp.Unnest) else node.this
    if not isinstance(call, exp.Anonymous | exp.Unnest):
        return node if isinstance(node, exp.Table) else _unwrapped(node)
    alias = node.args.get("alias")
    is_dump = isinstance(call, exp.Anonymous) and call.this == "st_dump"
    if is_dump:
        query = _by_template({"dump": _TABLE_DUMP}, "dump", call.expressions, parameters)
    else:
        inner = (
            exp.Anonymous(this="unnest", expressions=call.expressions)
            if isinstance(call, exp.Unnest)
            else call
        )
        named = (alias.columns[0] if alias and alias.columns else alias and alias.this) or None
        column = named.copy() if named else exp.to_identifier(inner.this)
        query = exp.Select(expressions=[exp.Alias(this=inner, alias=column)])
    return exp.Subquery(this=query, alias=alias or exp.TableAlias(this=exp.to_identifier("rows_of")))


def _unwrapped(lateral: Any) -> Any:
    """A query behind LATERAL; to DuckDB every query behind FROM is lateral."""
    query = lateral.this
    query.set("alias", lateral.args.get("alias"))
    return query


_FORMS: Mapping[type[exp.Expression], Callable[[Any, Mapping[str, Any]], Any]] = {
    exp.Anonymous: _call,
    exp.Distance: _distance,
    exp.Cast: _cast,
    exp.Like: _like,
    exp.ILike: _like,
    exp.WithinGroup: _ordered_set,
    exp.DPipe: _joined,
    exp.Substring: _part,
    exp.Table: _rows,
    exp.Lateral: _rows,
    exp.Unnest: _rows,
}
