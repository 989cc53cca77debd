"""Queries of a map next to Koop's answers to the same questions, and pictures of zoomed-in windows.

Both serve the same 10,000 polygons of 40 vertices with six attributes, to one keep-alive connection that
takes gzip. Koop is installed with ``npm ci --ignore-scripts`` in ``tests/benchmarks/koop``.
"""

import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import psutil
from features import esri_pbuffer

from tests.benchmarks.setups import running

KOOP = Path(__file__).parent / "koop"
COUNT = 10_000
PAGE = 2000
ROUNDS = 5
WIDTH, HEIGHT = 800, 600
SERVICE = f'''
import geopandas as gpd
import numpy as np
import shapely

from gpserver import Polygons, Service, task


@task
def field() -> Polygons:
    """Ten thousand polygons of 40 vertices between 0 and 25 degrees east, 40 and 60 north."""
    random, count = np.random.default_rng(4), {COUNT}
    turn = np.linspace(0, -2 * np.pi, 41)
    radius = random.uniform(0.04, 0.09, (count, 41))
    radius[:, -1] = radius[:, 0]
    x = np.arange(count) % 125 * 0.2 + 0.1
    y = np.arange(count) // 125 * 0.25 + 40.1
    rings = np.stack([x[:, None] + radius * np.cos(turn), y[:, None] + radius * np.sin(turn)], axis=2)
    columns = {{
        "name": [f"Place number {{n}}" for n in range(count)],
        "kind": random.choice(["farm", "forest", "lake", "meadow", "orchard", "road", "town", "yard"], count),
        "zone": random.integers(1, 6, count),
        "people": random.integers(0, 2_000_000, count),
        "share": random.uniform(0, 1, count),
        "height": np.round(random.normal(500, 200, count), 1),
    }}
    return gpd.GeoDataFrame(columns, geometry=shapely.polygons(rings), crs=4326)


fields = Service("Fields", result_map_service=True, maximum_records=100_000)
'''
METRES = 20037508.342789244 / 180  # of Web Mercator to a degree of longitude


Values = Mapping[str, object]
Requests = Sequence[Values]
Ask = Callable[[], tuple[str, bytes]]


class Site:
    """One resource of one server, over a connection that stays open."""

    def __init__(self, url: str, process: psutil.Process) -> None:
        self.url, self.process = url, process
        self.connection = HTTPConnection(urlsplit(url).netloc)

    def ask(self, path: str, values: Values, etag: str = "") -> tuple[str, bytes]:
        """The ETag of an answer, and its bytes as they came; ``path`` is relative to the resource."""
        target = f"{urlsplit(self.url).path}{path}?{urlencode(values)}"
        headers = {"Accept-Encoding": "gzip", "If-None-Match": etag}
        self.connection.request("GET", target, headers=headers)
        answer = self.connection.getresponse()
        body = answer.read()
        assert answer.status == (304 if etag else 200), body[:500]
        return answer.headers.get("etag", ""), body

    def connect(self) -> None:
        """Connect anew: who waits for the other site's turn is disconnected."""
        self.connection.close()
        self.connection.connect()

    def cpu(self) -> float:
        """CPU seconds of the process and all below it so far, those included that have ended."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(sum(process.cpu_times()[:4]) for process in family)


class Cost(NamedTuple):
    """Medians of one request, in milliseconds, and its size in kilobytes."""

    wall: float
    cpu: float
    size: float


@contextmanager
def ours(folder: Path) -> Iterator[Site]:
    """The layer of the map of a finished job."""
    services = folder / "services"
    services.mkdir()
    (services / "fields.py").write_text(SERVICE)
    with running(services) as server:
        job = server.client.submit("Fields/Field")
        assert server.client.wait(job)["jobStatus"] == "esriJobSucceeded"
        layer = f"{server.client.services}/Fields/MapServer/jobs/{job.rpartition('/')[2]}/0"
        yield Site(layer, psutil.Process(server.process.pid))


@contextmanager
def koop(features: list[Any], folder: Path) -> Iterator[Site]:
    """Koop with these GeoJSON features."""
    file = folder / "features.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    environment = {**os.environ, "SUPPRESS_NO_CONFIG_WARNING": "1"}
    process = subprocess.Popen(
        ["node", "server.mjs", str(file)], cwd=KOOP, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        port = next(line for line in process.stdout if line.strip().isdecimal()).strip()
        url = f"http://127.0.0.1:{port}/layer/rest/services/FeatureServer/0"
        yield Site(url, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait()


def all_features(site: Site) -> list[Any]:
    """Every feature as GeoJSON, page by page."""
    answers = [unpacked(ask()[1]) for ask in asks(site, pages("geojson"))]
    return [feature for answer in answers for feature in json.loads(answer)["features"]]


def pages(f: str) -> Requests:
    """All features, as clients page through them where 2000 is the maximum."""
    values = {"where": "1=1", "outFields": "*", "resultRecordCount": PAGE, "f": f}
    return [{**values, "resultOffset": offset} for offset in range(0, COUNT, PAGE)]


def windows(count: int, part: float) -> Iterator[tuple[float, float, float, float]]:
    """Boxes of Web Mercator as wide as a part of the data, shaped as the screen."""
    chance = random.Random(5)
    width = 25 * METRES * part
    for _ in range(count):
        x, y = chance.uniform(0, 25 * METRES - width), chance.uniform(4_870_000, 8_390_000)
        yield x, y, x + width, y + width * HEIGHT / WIDTH


def zoomed_in(f: str, count: int = 100 // ROUNDS) -> Requests:
    """What @arcgis/core asks for when a map shows a small part of the data: a grid of one cell per pixel."""
    corners = ("xmin", "ymin", "xmax", "ymax")
    mercator = {"wkid": 102100, "latestWkid": 3857}
    requests = []
    for box in windows(count, 0.05):
        extent = {**dict(zip(corners, box, strict=True)), "spatialReference": mercator}
        tolerance = (box[2] - box[0]) / WIDTH
        grid = {"extent": extent, "mode": "view", "originPosition": "upperLeft", "tolerance": tolerance}
        values = {
            "where": "1=1",
            "geometry": json.dumps(extent),
            "geometryType": "esriGeometryEnvelope",
            "spatialRel": "esriSpatialRelIntersects",
            "inSR": "102100",
            "outSR": "102100",
            "outFields": "OBJECTID,kind,people",
            "quantizationParameters": json.dumps(grid),
            "f": f,
        }
        requests.append(values)
    return requests


def questions() -> dict[str, tuple[Requests, Requests]]:
    """What is asked of us, and of Koop."""
    sorted_page = {"where": "people > 500000 AND kind IN ('lake','town')", "orderByFields": "people DESC"}
    sorted_page |= {"outFields": "*", "resultOffset": 500, "resultRecordCount": 500}
    definitions = [
        {"statisticType": kind, "onStatisticField": field, "outStatisticFieldName": f"{kind}_{field}"}
        for kind, field in (("count", "OBJECTID"), ("sum", "people"), ("avg", "height"), ("max", "share"))
    ]
    groups = {"outStatistics": json.dumps(definitions), "groupByFieldsForStatistics": "kind", "where": "1=1"}
    count = {"where": "zone = 3 AND height > 400", "returnCountOnly": "true"}
    same: dict[str, Requests] = {
        **{f"10k features, 5 pages, {f}": pages(f) for f in ("json", "geojson", "pbf")},
        **{
            f"where, order, page of 500, {f}": [{**sorted_page, "f": f}] * 10
            for f in ("json", "geojson", "pbf")
        },
        "statistics by group, json": [{**groups, "f": "json"}] * 20,
        "count, json": [{**count, "f": "json"}] * 50,
        **{f"zoomed-in window, {f}": zoomed_in(f) for f in ("json", "pbf")},
    }
    whole = {"where": "1=1", "outFields": "*", "resultRecordCount": COUNT}
    once = {
        f"10k features, Koop in one page, {f}": (pages(f), [{**whole, "f": f}])
        for f in ("json", "geojson", "pbf")
    }
    return {title: (requests, requests) for title, requests in same.items()} | once


def unpacked(body: bytes) -> bytes:
    return zlib.decompress(body, wbits=31) if body[:2] == b"\x1f\x8b" else body


def found(site: Site, requests: Requests) -> int:
    """How many features, or the count, all answers together have: a guard against cheap wrong answers."""
    total = 0
    site.connect()
    for values in requests:
        body = unpacked(site.ask("/query", values)[1])
        if values["f"] == "pbf":
            total += len(esri_pbuffer.parse(body).queryResult.featureResult.features)
        else:
            value = json.loads(body)
            total += value["count"] if "returnCountOnly" in values else len(value["features"])
    return total


def costs(runs: Sequence[tuple[Site, Sequence[Ask]]], rounds: int = ROUNDS) -> list[Cost]:
    """What a request costs each site; the sites take turns."""
    walls: list[list[float]] = [[] for _ in runs]
    cpus: list[list[float]] = [[] for _ in runs]
    sizes = [0] * len(runs)
    for _ in range(rounds):
        for number, (site, asks) in enumerate(runs):
            site.connect()
            before, sizes[number] = site.cpu(), 0
            for ask in asks:
                began = time.perf_counter()
                _, body = ask()
                walls[number].append(1000 * (time.perf_counter() - began))
                sizes[number] += len(body)
            cpus[number].append(1000 * (site.cpu() - before) / len(asks))
    return [
        Cost(statistics.median(wall), statistics.median(cpu), size / len(asks) / 1000)
        for wall, cpu, size, (_, asks) in zip(walls, cpus, sizes, runs, strict=True)
    ]


def asks(site: Site, requests: Requests, path: str = "/query") -> list[Ask]:
    return [partial(site.ask, path, values) for values in requests]


def side_by_side(mine: Site, theirs: Site) -> None:
    heads = f"{'wall':>9s}{'CPU':>8s}{'Koop':>9s}{'CPU':>8s}{'kB':>7s}{'Koop':>7s}{'ratios':>14s}"
    print(f"{'milliseconds of a request':38s}{heads}")
    for title, (wanted, of_koop) in questions().items():
        counts = found(mine, wanted), found(theirs, of_koop)
        assert counts[0] == counts[1], (title, counts)
        us, them = costs([(mine, asks(mine, wanted)), (theirs, asks(theirs, of_koop))])
        share = len(of_koop) / len(wanted)  # all pages count, where one page of theirs holds what is on ours
        ratios = us.wall / them.wall / share, us.cpu / them.cpu / share
        print(
            f"{title:38s}{us.wall:9.1f}{us.cpu:8.1f}{them.wall:9.1f}{them.cpu:8.1f}"
            f"{us.size:7.0f}{them.size:7.0f}{ratios[0]:7.2f}{ratios[1]:7.2f}"
        )


def pictures(layer: Site) -> None:
    """Zoomed-in windows as PNG: drawn, kept, and known to the client."""
    site = Site(layer.url.rpartition("/")[0], layer.process)
    fixed = {
        "bboxSR": 3857,
        "imageSR": 3857,
        "size": f"{WIDTH},{HEIGHT}",
        "f": "image",
        "transparent": "true",
    }
    requests = [{**fixed, "bbox": ",".join(map(str, box))} for box in windows(100, 0.05)]
    site.ask("/export", {**fixed, "bbox": "0,0,1,1"})  # the process that draws starts with the first picture
    drawn = asks(site, requests, "/export")
    [fresh] = costs([(site, drawn)], rounds=1)
    [kept] = costs([(site, drawn)])
    known = [
        partial(site.ask, "/export", values, ask()[0]) for values, ask in zip(requests, drawn, strict=True)
    ]
    [told] = costs([(site, known)])
    for title, cost in (("drawn", fresh), ("kept", kept), ("known to the client", told)):
        print(f"{'100 pictures of windows, ' + title:45s}{cost.wall:9.1f}{cost.cpu:8.1f}{cost.size:31.0f}")


def main() -> None:
    with tempfile.TemporaryDirectory() as place, ours(Path(place)) as layer:
        if shutil.which("node") and (KOOP / "node_modules").is_dir():
            with koop(all_features(layer), Path(place)) as other:
                side_by_side(layer, other)
        else:
            print("Koop is not asked: it needs node, and npm ci --ignore-scripts in tests/benchmarks/koop.")
        pictures(layer)


if __name__ == "__main__":
    main()
