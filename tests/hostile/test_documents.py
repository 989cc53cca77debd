"""Sound documents of operations with a few of their values exchanged: nearly what is read."""

import json
from typing import Any

from fuzz.target import with_another_piece
from gpclient import points
from hostile import wire
from hostile.checks import check
from hostile.conftest import Target
from hypothesis import given, settings
from hypothesis import strategies as st

BOX = {"xmin": 0, "ymin": 0, "xmax": 9, "ymax": 9, "spatialReference": {"wkid": 4326}}
LINE = {"type": "esriSLS", "style": "esriSLSSolid", "color": [0, 0, 0, 255], "width": 1}
FILL = {"type": "esriSFS", "style": "esriSFSSolid", "color": [1, 2, 3, 255], "outline": LINE}
LABELS = {
    "labelExpression": "[name]",
    "symbol": {"type": "esriTS", "color": [0, 0, 0, 255], "font": {"size": 8}},
}
LAYER = {
    "id": 0,
    "source": {"type": "mapLayer", "mapLayerId": 0},
    "definitionExpression": "1=1",
    "drawingInfo": {
        "renderer": {"type": "simple", "symbol": FILL},
        "transparency": 50,
        "labelingInfo": [LABELS],
    },
}
SUM = {"statisticType": "sum", "onStatisticField": "BUFF_DIST", "outStatisticFieldName": "s"}
MEDIAN = SUM | {"statisticType": "percentile_cont", "statisticParameters": {"value": 0.5, "orderBy": "DESC"}}
GRID = {"mode": "view", "originPosition": "upperLeft", "tolerance": 1, "extent": BOX}
BREAKS = {
    "type": "classBreaksDef",
    "classificationField": "BUFF_DIST",
    "classificationMethod": "esriClassifyNaturalBreaks",
    "breakCount": 3,
    "normalizationType": "esriNormalizeByField",
    "normalizationField": "BUFF_DIST",
    "colorRamp": {"type": "algorithmic", "fromColor": [0, 0, 0, 255], "toColor": [9, 9, 9, 255]},
}
RING = {"rings": [[[0, 0], [0, 9], [9, 9], [0, 0]]], "spatialReference": {"wkid": 4326}}

SOUND: dict[str, dict[str, Any]] = {
    "{map}/0/query": {"geometry": RING, "quantizationParameters": GRID, "outSR": {"wkid": 3857}},
    "{map}/0/query?statistics": {"outStatistics": [SUM, MEDIAN], "geometry": BOX},
    "{map}/export": {"dynamicLayers": [LAYER], "layerDefs": {"0": "1=1"}, "bboxSR": {"wkid": 4326}},
    "{map}/0/generateRenderer": {"classificationDef": BREAKS},
    "BufferSync/GPServer/BufferPoints/execute": {
        "Input_Features": points(2),
        "Distance": {"distance": 1, "units": "esriMeters"},
        "context": {"outSR": {"wkid": 4326}, "processSR": {"wkid": 3857}, "extent": BOX},
    },
}
PLAIN = {"{map}/0/query": {"geometryType": "esriGeometryPolygon"}, "{map}/export": {"bbox": "-9,-9,9,9"}}


def changed(document: Any, seeds: list[int]) -> str:
    """JSON text of a document with as many of its values exchanged as there are seeds."""
    text = json.dumps(document).encode()
    for seed in seeds:
        text = with_another_piece(text, seed)
    return text.decode()


@settings(max_examples=100)
@given(
    st.sampled_from(sorted(SOUND)),
    st.lists(st.integers(0, 2**32), min_size=1, max_size=3),
    st.sampled_from(["json", "html", "kmz", "geojson", "pbf"]),
)
def test_a_document_is_read_or_refused(target: Target, place: str, seeds: list[int], name: str) -> None:
    asked, job = place.partition("?")[0], target.jobs["Buffer/BufferPoints"]
    pairs = [(key, changed(document, seeds)) for key, document in SOUND[place].items()]
    body = wire.form([("f", name), *PLAIN.get(asked, {}).items(), *pairs])
    kind = {b"Content-Type": b"application/x-www-form-urlencoded"}
    path = f"/arcgis/rest/services/{asked.format(map=f'Buffer/MapServer/jobs/{job}')}".encode()
    check(wire.send(target.server.url, "POST", path, kind, body))
