"""One set of tools: ArcGIS' tasks and both schedulers of EverGIS give the same answers."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from conftest import Server
from everpoint import Everpoint
from gpclient import Client

from gpserver.layers import Layers, open_layers

CODE = 32633


class Ways:
    """Asks the same in each way; the answers are frames."""

    def __init__(self, server: Server, everpoint: Everpoint) -> None:
        self.esri: Client = server.client
        self.everpoint = everpoint
        self.layers: Layers = open_layers(server.data / "layers").seen_by(everpoint.name)

    def name(self, name: str) -> str:
        return f"{self.everpoint.name}.{name}"

    def arcgis(self, task: str, output: str, **inputs: Any) -> gpd.GeoDataFrame:
        texts = {
            name: feature_set(value) if isinstance(value, gpd.GeoDataFrame) else value
            for name, value in inputs.items()
        }
        found = self.esri.run(f"tasks/{task}", **texts)[output]
        shapes = [polygon(feature["geometry"]["rings"]) for feature in found["features"]]
        rows = [feature["attributes"] for feature in found["features"]]
        return gpd.GeoDataFrame(rows, geometry=shapes, crs=found["spatialReference"]["wkid"])

    def first(self, kind: str, **body: Any) -> gpd.GeoDataFrame:
        target = self.name(f"{kind}{time.monotonic_ns()}")
        storages = {
            name: {"type": "layerTaskDataStorage", "serviceName": self.name(body.pop(name))}
            for name in ("source", "toolLayer", "geometry", "geometryFilterStorage")
            if name in body
        }
        new = {"type": "layerTaskDataStorage", "serviceName": target, "createNewService": True}
        body |= {**storages, "target": new}
        task = self.everpoint.post("/scheduler/tasks", body, type=kind)["taskId"]
        self._wait(lambda: self.everpoint.get(f"/scheduler/{task}/progress")["status"])
        return self.layers.read(target)

    def second(self, kind: str, source: str, **more: Any) -> gpd.GeoDataFrame:
        target = self.name(f"{kind}{time.monotonic_ns()}")
        if "overlayLayer" in more:
            more["overlayLayer"] = {"layerName": self.name(more["overlayLayer"])}
        parameters = {"proccessingType": kind, "sourceLayer": {"layerName": self.name(source)}}
        parameters |= {"targetLayer": {"name": target}, **more}
        subtask = {"order": 0, "type": "geoProcessing", "startParameters": parameters}
        prototype = self.everpoint.post("/scheduler", {"enabled": True, "subTaskSettings": [subtask]})
        task = self.everpoint.post(f"/scheduler/{prototype}/start")["id"]
        self._wait(lambda: self.everpoint.get(f"/scheduler/task/{task}/subtasks")[0]["status"])
        return self.layers.read(target)

    @staticmethod
    def _wait(status: Callable[[], str]) -> None:
        deadline = time.monotonic() + 60
        while (found := status()) != "Completed":
            assert found not in ("Failed", "Error", "Interrupted", "Timeout"), found
            assert time.monotonic() < deadline, found
            time.sleep(0.02)


def feature_set(frame: gpd.GeoDataFrame) -> str:
    """Esri JSON of points or of polygons without holes."""
    features = []
    for row in frame.to_dict("records"):
        shape = row.pop("geometry")
        ring = shapely.Polygon(shape).exterior.coords if shape.geom_type == "Polygon" else ()
        geometry = (
            {"x": shape.x, "y": shape.y} if shape.geom_type == "Point" else {"rings": [list(ring)[::-1]]}
        )
        features.append({"geometry": geometry, "attributes": row})
    kind = f"esriGeometry{frame.geom_type.iloc[0]}"
    return json.dumps({"geometryType": kind, "spatialReference": {"wkid": CODE}, "features": features})


def polygon(rings: list[Any]) -> Any:
    """The area of Esri's rings: what lies inside of an odd number of them."""
    area = shapely.Polygon()
    for ring in rings:
        area = area.symmetric_difference(shapely.Polygon(ring))
    return area


def same(*frames: gpd.GeoDataFrame) -> None:
    """Whether all have the same areas, each once."""
    sizes = [np.sort(frame.area.to_numpy()) for frame in frames]
    assert len(sizes[0]) > 0
    for other, frame in zip(sizes[1:], frames[1:], strict=True):
        assert len(other) == len(sizes[0])
        assert other == pytest.approx(sizes[0], rel=1e-6, abs=0.01)
        assert frame.union_all().symmetric_difference(frames[0].union_all()).area < 1


@pytest.fixture(scope="module")
def parcels() -> gpd.GeoDataFrame:
    dice = np.random.default_rng(1)
    left, bottom = dice.uniform(0, 3000, (2, 25))
    boxes = shapely.box(left + 5e5, bottom + 6e6, left + 5e5 + 300, bottom + 6e6 + 400)
    return gpd.GeoDataFrame({"kind": np.arange(25) % 3}, geometry=boxes, crs=CODE)


@pytest.fixture(scope="module")
def zones() -> gpd.GeoDataFrame:
    centres = shapely.points(5e5 + np.array([700, 1900, 2600]), 6e6 + np.array([800, 1500, 2600]))
    return gpd.GeoDataFrame({"zone": [1, 2, 3]}, geometry=shapely.buffer(centres, 500, quad_segs=3), crs=CODE)


@pytest.fixture(scope="module")
def trees() -> gpd.GeoDataFrame:
    dice = np.random.default_rng(2)
    places = shapely.points(5e5 + dice.uniform(0, 3000, 200), 6e6 + dice.uniform(0, 3000, 200))
    return gpd.GeoDataFrame({"height": np.arange(200.0)}, geometry=places, crs=CODE)


@pytest.fixture(scope="module")
def ways(
    server: Server, parcels: gpd.GeoDataFrame, zones: gpd.GeoDataFrame, trees: gpd.GeoDataFrame
) -> Iterator[Ways]:
    with Everpoint(server.url) as everpoint:
        ways = Ways(server, everpoint)
        for name, frame in {"parcels": parcels, "zones": zones, "trees": trees}.items():
            ways.layers.write(ways.name(name), frame)
        yield ways


@pytest.mark.parametrize("source", ["trees", "parcels"])
def test_buffers(ways: Ways, source: str, request: pytest.FixtureRequest) -> None:
    frame = request.getfixturevalue(source).head(10)
    ways.layers.write(ways.name(f"some_{source}"), frame)
    same(
        ways.arcgis("CreateBuffers", "bufferLayer", inputLayer=frame, distances="[50, 120]"),
        ways.first("buffer", source=f"some_{source}", radii=[50, "100 + 20"]),
        ways.second("buffer", f"some_{source}", radii=["50", "120"]),
    )


@pytest.mark.parametrize(
    ("esri", "first", "second"),
    [
        ("Intersect", "intersection", "Intersect"),
        ("Erase", "subtraction", "Subtraction"),
        ("Union", "union", None),
        (None, "symDifference", "SymDifference"),
    ],
)
def test_overlays(
    ways: Ways,
    parcels: gpd.GeoDataFrame,
    zones: gpd.GeoDataFrame,
    esri: str | None,
    first: str,
    second: str | None,
) -> None:
    found = [ways.first("overlay", source="parcels", toolLayer="zones", operation=first)]
    if esri:
        layers = {"inputLayer": parcels, "overlayLayer": zones}
        found.append(ways.arcgis("OverlayLayers", "outputLayer", overlayType=esri, **layers))
    if second:
        found.append(ways.second("overlay", "parcels", overlayLayer="zones", operation=second))
    assert len(found) > 1
    same(*found)


def test_unions(ways: Ways, parcels: gpd.GeoDataFrame) -> None:
    same(
        ways.arcgis("DissolveBoundaries", "dissolvedLayer", inputLayer=parcels, multiPartFeatures="false"),
        ways.first("union", source="parcels"),
    )
    fields = {"dissolveFields": '["kind"]', "multiPartFeatures": "true"}
    same(
        ways.arcgis("DissolveBoundaries", "dissolvedLayer", inputLayer=parcels, **fields),
        ways.second("union", "parcels", groupAttribute="kind"),
    )


def test_sums_in_areas(ways: Ways, trees: gpd.GeoDataFrame, zones: gpd.GeoDataFrame) -> None:
    summed = ways.arcgis(
        "AggregatePoints",
        "aggregatedLayer",
        pointLayer=trees,
        polygonLayer=zones,
        summaryFields='["height Sum", "height Max"]',
    )
    settings = [
        {"sourceAttributeName": "height", "targetAttributeName": name.lower(), "aggregationFunction": name}
        for name in ("Sum", "Max", "Count")
    ]
    own = ways.first("aggregate", source="trees", geometry="zones", aggregationSettings=settings)
    summed, own = summed.sort_values("zone"), own.sort_values("zone")
    assert summed["Point_Count"].tolist() == own["count"].tolist()
    assert summed["sum_height"].tolist() == own["sum"].tolist()
    assert summed["max_height"].tolist() == own["max"].tolist()
