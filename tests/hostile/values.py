"""What hostile and careless clients send: text for every parameter, and parts of paths."""

import json

from hypothesis import strategies as st

DEEP = ["[" * 50_000, '{"a":' * 2000, "[" * 300 + "]" * 300, '{"a":' * 600 + "1" + "}" * 600, "(" * 3000]
NUMBERS = [
    "NaN",
    "-Infinity",
    "1e999",
    "-1e308",
    "9" * 22,
    "9" * 400,
    "9" * 5000,
    "1_0",
    "٣",
    "0x10",
    "-0",
    "1e-400",
]
TEXTS = [
    "",
    " ",
    "null",
    "\x00",
    "a\x00b",
    "\ud800",
    "😀" * 500,
    "\u202etxt",
    "\r\nX-Evil: 1",
    "%zz",
    "%",
    "+",
]
INJECTIONS = [
    "<script>alert(1)</script>",
    "{{7*7}}",
    "' OR 1=1 --",
    '"; DROP TABLE jobs; --',
    "__import__('os').system('true')",
    "http://user:pass@[::1]:9/",
    "javascript:alert(1)",
]
PATHS = [
    "..",
    "../../../../etc/passwd",
    "/etc/passwd",
    "..\\..\\windows",
    "․․/․․/jobs.sqlite",
    "．．／jobs.sqlite",
    "....//jobs.sqlite",
    "~root",
    "file:///etc/passwd",
    "CON",
    "." * 300,
    "a" * 5000,
]
DOCUMENTS = [
    json.dumps(item)
    for item in (
        {"features": 5},
        {"features": [None, 1, "x", []]},
        {"features": [{"attributes": 5, "geometry": 7}]},
        {"features": [{"attributes": {"a": [1]}, "geometry": {"x": "NaN", "y": None}}]},
        {"features": [{"geometry": {"x": 1e400, "y": {}}}]},
        {
            "geometryType": "esriGeometryPolygon",
            "features": [{"geometry": {"rings": [[], [[1]], [[1, 2], None]]}}],
        },
        {"geometryType": "esriGeometryPolyline", "features": [{"geometry": {"paths": [[["a", "b"]], 5]}}]},
        {"geometryType": 5, "spatialReference": [], "fields": {}, "features": []},
        {"fields": [{"name": 5, "type": []}, None, {}], "features": [{"attributes": {}}]},
        {"spatialReference": {"wkid": 10**30}, "features": []},
        {"spatialReference": {"wkt": "GEOGCS[" * 500}, "features": []},
        {"layers": [{"featureSet": None}]},
        {"type": [], "features": []},
        {"type": {}},
        {"type": "FeatureCollection", "features": [], "crs": "x"},
        {"layerDefinition": [1], "featureSet": {"features": []}},
        {
            "fields": [{"name": "a", "type": "esriFieldTypeTimestampOffset"}],
            "features": [{"attributes": {"a": {}}}],
        },
        {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": {"type": "Point"}}]},
        {"type": "FeatureCollection", "features": [{"geometry": {"type": "Polygon", "coordinates": [1]}}]},
        {"url": "file:///etc/passwd"},
        {"url": 5},
        {"itemID": "../../../jobs.sqlite"},
        {"itemID": "i" + "0" * 32},
        {"distance": "NaN", "units": ["esriMeters"]},
        {"distance": 1e400, "units": "esriNothing"},
        {"date": "x", "format": "%n" * 100},
        {"date": {}, "format": []},
        {"wkid": "\ud800"},
        {"xmin": "NaN", "ymin": [], "xmax": None, "ymax": {}},
        {"rings": [[[0, 0], [1e308, -1e308], [1, 1]]], "spatialReference": {"wkid": 4326}},
        {"curveRings": [[[0, 0], {"c": [[1, 1]]}, {"b": []}]]},
        {"type": "simple", "symbol": {"type": "x"}},
        [[[[[]]]]],
        [None, {}, [], "\ud800", 1e400],
        [{"statisticType": "sum", "onStatisticField": {}, "outStatisticFieldName": 5}],
    )
]
QUERIES = [
    "1=1",
    "OBJECTID > '",
    "name LIKE '%' ESCAPE ''",
    "OBJECTID IN (" + ",".join(["1"] * 5000) + ")",
    "CAST(OBJECTID AS DATE) > DATE '0000-99-99'",
    "1=1 OR " * 2000 + "1=1",
    "OBJECTID / 0 > MOD(1, 0) AND POWER(10, 400) > 1",
    "SUBSTRING(name, -5, 9999999999999999999) = REPEAT('a', 1000000000)",
    "-180,-90,180,90",
    "1e400,nan,inf,-inf",
    "1000000,1000000",
    "show:0,1,99999999999999999999",
    "0:1=1;1:",
]
KNOWN = [
    "json",
    "html",
    "pjson",
    "geojson",
    "pbf",
    "kmz",
    "kml",
    "csv",
    "image",
    "true",
    "4326",
    "0",
    "1",
    "*",
]

hostile = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from(NUMBERS),
    st.sampled_from(DOCUMENTS),
    st.sampled_from(DEEP),
    st.sampled_from(PATHS),
    st.sampled_from(INJECTIONS),
    st.sampled_from(QUERIES),
    st.sampled_from(KNOWN),
    st.text(max_size=30),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ).map(json.dumps),
)
"""Text of any parameter."""
