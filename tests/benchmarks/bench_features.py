"""What reading and writing features costs, next to the JSON parser alone, GDAL, and loops over features.

Run it with ``python -m tests.benchmarks.bench_features [size ...]``.
"""

import io
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import orjson
import pandas as pd
import pyogrio
import shapely

from gpserver.features import (
    Layer,
    Selection,
    decode_features,
    encode_features,
    esri_json,
    geojson,
    pbf,
    write_layer,
)
from tests.benchmarks.timing import compare, table, without_gc

SIZES = (1_000, 10_000, 100_000)
SHELL_VERTICES, HOLE_VERTICES = 17, 8


def attributes(count: int) -> pd.DataFrame:
    random = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "name": [f"Parcel {number} of “north”" for number in range(count)],
            "value": random.uniform(0, 1e6, count),
            "floors": random.integers(1, 40, count),
            "sold": pd.to_datetime(random.integers(0, 1_700_000_000_000, count), unit="ms"),
        }
    )


def points(count: int) -> gpd.GeoDataFrame:
    """Points all over the world."""
    random = np.random.default_rng(2)
    x, y = random.uniform(-180, 180, count), random.uniform(-85, 85, count)
    return gpd.GeoDataFrame(attributes(count), geometry=shapely.points(x, y), crs=4326)


def parcels(count: int) -> gpd.GeoDataFrame:
    """Polygons of about 18 vertices; every tenth has a hole, every twentieth a second part."""
    random = np.random.default_rng(3)
    centres = random.uniform(0, 1e6, (count, 1, 2))
    shells = centres + circles(random, count, SHELL_VERTICES, 60, 100)
    geometry = shapely.polygons(shells)
    holed, double = slice(0, None, 10), slice(5, None, 20)
    holes = centres[holed] + circles(random, len(geometry[holed]), HOLE_VERTICES, 20, 40)
    geometry[holed] = shapely.polygons(shells[holed], holes[:, None])
    second = shapely.polygons(shells[double] + [500, 0])
    geometry[double] = shapely.multipolygons(np.column_stack([geometry[double], second]))
    return gpd.GeoDataFrame(attributes(count), geometry=geometry, crs=32633)


def circles(random: np.random.Generator, count: int, vertices: int, low: float, high: float) -> Any:
    """Closed rings around the origin, (count, vertices + 1, 2)."""
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    radius = random.uniform(low, high, (count, vertices, 1))
    ring = radius * np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    return np.concatenate([ring, ring[:, :1]], axis=1)


def naive_decode(text: bytes) -> gpd.GeoDataFrame:
    document = json.loads(text)
    geometry = [naive_geometry(feature["geometry"]) for feature in document["features"]]
    rows = [feature["attributes"] for feature in document["features"]]
    return gpd.GeoDataFrame(rows, geometry=geometry, crs=document["spatialReference"]["latestWkid"])


def naive_geometry(geometry: dict[str, Any]) -> Any:
    if "x" in geometry:
        return shapely.Point(geometry["x"], geometry["y"])
    parts: list[Any] = []
    for ring in map(shapely.LinearRing, geometry["rings"]):
        parts += [(ring, [])] if not ring.is_ccw else []
        if ring.is_ccw:
            parts[-1][1].append(ring)
    polygons = [shapely.Polygon(shell, holes) for shell, holes in parts]
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def naive_encode(frame: gpd.GeoDataFrame) -> bytes:
    columns = frame.drop(columns="geometry").assign(sold=frame["sold"].astype("int64"))
    rows = zip(columns.to_dict("records"), frame.geometry, strict=True)
    features = [{"attributes": row, "geometry": naive_object(geometry)} for row, geometry in rows]
    return orjson.dumps({"features": features})


def naive_object(geometry: Any) -> dict[str, Any]:
    if geometry.geom_type == "Point":
        return {"x": geometry.x, "y": geometry.y}
    parts = geometry.geoms if geometry.geom_type == "MultiPolygon" else [geometry]
    rings = [ring for part in parts for ring in (part.exterior, *part.interiors)]
    return {"rings": [list(ring.coords) for ring in rings]}


def decode_variants(frame: gpd.GeoDataFrame) -> dict[str, Callable[[], Any]]:
    text = encode_features(frame)
    return {
        "orjson.loads (floor)": without_gc(lambda: orjson.loads(text)),
        "decode_features": lambda: decode_features(text),
        "GDAL ESRIJSON": lambda: pyogrio.read_dataframe(io.BytesIO(text)),
        "loop over features": lambda: naive_decode(text),
    }


def encode_variants(frame: gpd.GeoDataFrame, folder: Path) -> dict[str, Callable[[], Any]]:
    path, stored = folder / "stored.arrow", folder / "layer.arrow"
    write_layer(frame, stored)
    layer = Layer.open(stored)
    records = frame.drop(columns="geometry").assign(sold=frame["sold"].astype("int64")).to_dict("records")
    coords = shapely.get_coordinates(frame.geometry)
    return {
        "orjson.dumps (floor)": lambda: (
            orjson.dumps(coords, option=orjson.OPT_SERIALIZE_NUMPY),
            orjson.dumps(records),
        ),
        "encode_features": lambda: encode_features(frame),
        "esri_json.write": lambda: list(esri_json.write(Selection(layer))),
        "write_layer": lambda: write_layer(frame, path),
        "loop over features": lambda: naive_encode(frame),
    }


def answer_variants(frame: gpd.GeoDataFrame, folder: Path) -> dict[str, Callable[[], Any]]:
    """A stored layer in the formats of a query, from the file to the last byte of the answer."""
    write_layer(frame, folder / "layer.arrow")
    whole = Selection(Layer.open(folder / "layer.arrow"))
    return {
        "esri_json.write": lambda: list(esri_json.write(whole)),
        "pbf.write": lambda: list(pbf.write(whole)),
        "geojson.write": lambda: list(geojson.write(whole)),
        "shapely.to_geojson + orjson.Fragment": lambda: fragments(frame),
    }


def fragments(frame: gpd.GeoDataFrame) -> bytes:
    """The fastest GeoJSON out of ready parts: GEOS writes the geometries, orjson the rest."""
    geometry = frame.geometry.to_crs(4326).array
    records = frame.drop(columns="geometry").assign(sold=frame["sold"].astype("int64")).to_dict("records")
    texts = map(orjson.Fragment, shapely.to_geojson(geometry))
    return orjson.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "id": number, "geometry": text, "properties": row}
                for number, (text, row) in enumerate(zip(texts, records, strict=True), start=1)
            ],
        }
    )


def rows(sizes: tuple[int, ...] = SIZES) -> list[tuple[str, dict[str, float]]]:
    """Title and medians (CPU ms) of every comparison; the first variant of each is its floor."""
    results = []
    for make in (points, parcels):
        for size in sizes:
            frame, rounds = make(size), 3 if size >= 100_000 else 9
            results.append((f"decode {size} {make.__name__}", compare(decode_variants(frame), rounds)))
            with tempfile.TemporaryDirectory() as folder:
                variants = encode_variants(frame, Path(folder))
                results.append((f"encode {size} {make.__name__}", compare(variants, rounds)))
                variants = answer_variants(frame, Path(folder))
                results.append((f"answer {size} {make.__name__}", compare(variants, rounds)))
    return results


def main() -> None:
    sizes = tuple(map(int, sys.argv[1:])) or SIZES
    for title, medians in rows(sizes):
        print(table(title, medians, floor=next(iter(medians))))


if __name__ == "__main__":
    main()
