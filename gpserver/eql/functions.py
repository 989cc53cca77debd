"""The functions that a SELECT may call: what PostgreSQL, PostGIS and DuckDB share, or we bridge."""

import re
from dataclasses import dataclass
from functools import cache

# A line is a function; in brackets what may be left out, dots behind what may be repeated.
_SIGNATURES = {
    "scalar": """
        abs(number) -> number
        acos(number) -> number
        age(timestamp[, timestamp]) -> interval
        array_length(array, integer) -> integer
        array_position(array, value) -> integer
        array_to_string(array, text) -> text
        ascii(text) -> integer
        asin(number) -> number
        atan(number) -> number
        atan2(number, number) -> number
        btrim(text[, text]) -> text
        cbrt(number) -> number
        ceil(number) -> number
        ceiling(number) -> number
        char_length(text) -> integer
        chr(integer) -> text
        coalesce(value...) -> value
        concat(value...) -> text
        concat_ws(text, value...) -> text
        cos(number) -> number
        date_part(text, timestamp) -> number
        date_trunc(text, timestamp) -> timestamp
        degrees(number) -> number
        exp(number) -> number
        floor(number) -> number
        greatest(value...) -> value
        least(value...) -> value
        left(text, integer) -> text
        length(text) -> integer
        ln(number) -> number
        log(number[, number]) -> number
        lower(text) -> text
        lpad(text, integer[, text]) -> text
        ltrim(text[, text]) -> text
        make_date(integer, integer, integer) -> date
        md5(text) -> text
        mod(number, number) -> number
        now() -> timestamptz
        nullif(value, value) -> value
        pi() -> number
        pow(number, number) -> number
        power(number, number) -> number
        radians(number) -> number
        random() -> number
        regexp_replace(text, text, text[, text]) -> text
        replace(text, text, text) -> text
        reverse(text) -> text
        right(text, integer) -> text
        round(number[, integer]) -> number
        rpad(text, integer[, text]) -> text
        rtrim(text[, text]) -> text
        sign(number) -> number
        sin(number) -> number
        split_part(text, text, integer) -> text
        sqrt(number) -> number
        starts_with(text, text) -> boolean
        string_to_array(text, text) -> array
        strpos(text, text) -> integer
        substr(text, integer[, integer]) -> text
        tan(number) -> number
        to_char(timestamp, text) -> text
        to_timestamp(number) -> timestamptz
        translate(text, text, text) -> text
        trunc(number) -> number
        upper(text) -> text
        """,
    "aggregate": """
        array_agg(value) -> array
        avg(number) -> number
        bool_and(boolean) -> boolean
        bool_or(boolean) -> boolean
        corr(number, number) -> number
        count([value]) -> integer
        covar_pop(number, number) -> number
        covar_samp(number, number) -> number
        every(boolean) -> boolean
        max(value) -> value
        min(value) -> value
        mode() -> value
        percentile_cont(number) -> number
        percentile_disc(number) -> value
        regr_intercept(number, number) -> number
        regr_r2(number, number) -> number
        regr_slope(number, number) -> number
        stddev(number) -> number
        stddev_pop(number) -> number
        stddev_samp(number) -> number
        string_agg(text, text) -> text
        sum(number) -> number
        var_pop(number) -> number
        var_samp(number) -> number
        variance(number) -> number
        """,
    "window": """
        cume_dist() -> number
        dense_rank() -> integer
        first_value(value) -> value
        lag(value[, integer][, value]) -> value
        last_value(value) -> value
        lead(value[, integer][, value]) -> value
        nth_value(value, integer) -> value
        ntile(integer) -> integer
        percent_rank() -> number
        rank() -> integer
        row_number() -> integer
        """,
    "table": """
        generate_series(number, number[, number]) -> set of number
        st_dump(geometry) -> set of (geom geometry, path array)
        unnest(array) -> set of value
        """,
    "spatial": """
        geometrytype(geometry) -> text
        st_area(geometry) -> number
        st_asbinary(geometry) -> bytes
        st_asgeojson(geometry) -> text
        st_astext(geometry) -> text
        st_azimuth(geometry, geometry) -> number
        st_boundary(geometry) -> geometry
        st_buffer(geometry, number[, value]) -> geometry
        st_centroid(geometry) -> geometry
        st_closestpoint(geometry, geometry) -> geometry
        st_collect(geometry[, geometry]) -> geometry
        st_collectionextract(geometry, integer) -> geometry
        st_concavehull(geometry, number[, boolean]) -> geometry
        st_contains(geometry, geometry) -> boolean
        st_containsproperly(geometry, geometry) -> boolean
        st_convexhull(geometry) -> geometry
        st_coveredby(geometry, geometry) -> boolean
        st_covers(geometry, geometry) -> boolean
        st_crosses(geometry, geometry) -> boolean
        st_difference(geometry, geometry) -> geometry
        st_dimension(geometry) -> integer
        st_disjoint(geometry, geometry) -> boolean
        st_distance(geometry, geometry) -> number
        st_dwithin(geometry, geometry, number) -> boolean
        st_endpoint(geometry) -> geometry
        st_envelope(geometry) -> geometry
        st_equals(geometry, geometry) -> boolean
        st_expand(geometry, number) -> geometry
        st_exteriorring(geometry) -> geometry
        st_flipcoordinates(geometry) -> geometry
        st_force2d(geometry) -> geometry
        st_geometrytype(geometry) -> text
        st_geomfromgeojson(text) -> geometry
        st_geomfromtext(text[, srid]) -> geometry
        st_interiorringn(geometry, integer) -> geometry
        st_intersection(geometry, geometry) -> geometry
        st_intersects(geometry, geometry) -> boolean
        st_isclosed(geometry) -> boolean
        st_isempty(geometry) -> boolean
        st_isring(geometry) -> boolean
        st_issimple(geometry) -> boolean
        st_isvalid(geometry) -> boolean
        st_length(geometry) -> number
        st_lineinterpolatepoint(geometry, number) -> geometry
        st_linelocatepoint(geometry, geometry) -> number
        st_linemerge(geometry) -> geometry
        st_linesubstring(geometry, number, number) -> geometry
        st_makeenvelope(number, number, number, number[, srid]) -> geometry
        st_makeline(geometry[, geometry]) -> geometry
        st_makepoint(number, number) -> geometry
        st_makepolygon(geometry) -> geometry
        st_makevalid(geometry) -> geometry
        st_multi(geometry) -> geometry
        st_node(geometry) -> geometry
        st_normalize(geometry) -> geometry
        st_npoints(geometry) -> integer
        st_numgeometries(geometry) -> integer
        st_numinteriorrings(geometry) -> integer
        st_overlaps(geometry, geometry) -> boolean
        st_perimeter(geometry) -> number
        st_point(number, number[, srid]) -> geometry
        st_pointn(geometry, integer) -> geometry
        st_pointonsurface(geometry) -> geometry
        st_removerepeatedpoints(geometry, number) -> geometry
        st_reverse(geometry) -> geometry
        st_setsrid(geometry, srid) -> geometry
        st_shortestline(geometry, geometry) -> geometry
        st_simplify(geometry, number) -> geometry
        st_simplifypreservetopology(geometry, number) -> geometry
        st_srid(geometry) -> integer
        st_startpoint(geometry) -> geometry
        st_symdifference(geometry, geometry) -> geometry
        st_touches(geometry, geometry) -> boolean
        st_transform(geometry, srid) -> geometry
        st_translate(geometry, number, number) -> geometry
        st_union(geometry[, geometry]) -> geometry
        st_within(geometry, geometry) -> boolean
        st_x(geometry) -> number
        st_xmax(geometry) -> number
        st_xmin(geometry) -> number
        st_y(geometry) -> number
        st_ymax(geometry) -> number
        st_ymin(geometry) -> number
        """,
}
GEODESIC = {"st_area", "st_length", "st_perimeter", "st_distance", "st_dwithin", "st_intersects", "st_buffer"}
"""Those that take ``geography``, too: metres on the ellipsoid."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function that a SELECT may call.

    Attributes:
        name: In lower case.
        signature: Its parameters and what it gives: ``(geometry, geometry) -> boolean``.
        kind: ``scalar``, ``aggregate``, ``window``, ``table`` or ``spatial``.
    """

    name: str
    signature: str
    kind: str

    def takes(self, count: int) -> bool:
        """Whether it can be called with so many arguments."""
        inside = self.signature[1 : self.signature.index(")")]
        optional = inside.count("[")
        most = len([name for name in re.split(r"[\[\],]+", inside) if name.strip()])
        return most - optional <= count and (count <= most or "..." in inside)


@cache
def known_functions() -> dict[str, Function]:
    """All of them, by name."""
    found = {}
    for kind, lines in _SIGNATURES.items():
        for line in filter(None, map(str.strip, lines.splitlines())):
            name, _, rest = line.partition("(")
            found[name] = Function(name, f"({rest}", kind)
    return found


def functions() -> tuple[Function, ...]:
    """All of them, by name."""
    return tuple(sorted(known_functions().values(), key=lambda function: function.name))
