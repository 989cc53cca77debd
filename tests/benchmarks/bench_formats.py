"""What files for people cost: KML, KMZ, GeoJSON, CSV, GeoPackage and shapefile, beside the usual ways.

Run it with ``python -m tests.benchmarks.bench_formats [size ...]``. The floors are the fastest known ways out
of ready parts: text templates over slices of one coordinate text for KML, the bare deflating of that text for
KMZ, GEOS' geometries and orjson's records for GeoJSON.
"""

import io
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import orjson
import shapely
import simplekml
from isal import isal_zlib

from gpserver.features import Layer, Selection, geojson, pbf, write_layer
from gpserver.formats import Resource, csv, gpkg, kml, shapefile
from gpserver.formats.archive import Member, archive
from gpserver.formats.kml import Drawn
from gpserver.formats.scene import Features, Scene
from gpserver.symbology import drawing_info
from tests.benchmarks.bench_features import fragments, parcels, points
from tests.benchmarks.timing import compare, table

SIZES = (10_000, 100_000)
USUAL = 10_000  # features up to which the slowest ways are measured: simplekml needs 1.5 GB for 100,000
FIELDS = ("name", "value", "floors", "sold")


def scene_text(selection: Selection) -> Any:
    """The pieces of the KML of a layer whose icons are drawn."""
    drawing = drawing_info(None, str(selection.geometry_type))
    part = Features("Layer", selection, drawing)
    scene = Scene("Layer", (part,), lambda order: None, str)
    return kml.document(scene, [Drawn(part, [None])], str)


def templates(frame: gpd.GeoDataFrame) -> bytes:
    """KML by one template per feature over slices of the text of all coordinates."""
    geographic = frame.to_crs(4326)
    kind, coords, offsets = shapely.to_ragged_array(geographic.geometry.array)
    text = orjson.dumps(coords, option=orjson.OPT_SERIALIZE_NUMPY).replace(b"],[", b" ")
    stops = np.append(1, np.flatnonzero(np.frombuffer(text, np.uint8) == ord(" ")))
    stops = np.append(stops, len(text) - 2).tolist()
    if kind == shapely.GeometryType.POINT:
        shapes = [
            f"<Point><coordinates>{text[start + 1 : end].decode()}</coordinates></Point>"
            for start, end in pairwise(stops)
        ]
    else:
        shapes = _areas(text, stops, *(level.tolist() for level in offsets))
    rows = frame.drop(columns="geometry").assign(name=frame["name"].str.replace("&", "&amp;"))
    fields = "".join(f'<SimpleData name="{name}">%s</SimpleData>' for name in FIELDS)
    template = (
        "<Placemark><styleUrl>#s</styleUrl><ExtendedData><SchemaData schemaUrl='#f'>"
        f"{fields}</SchemaData></ExtendedData>%s</Placemark>"
    )
    columns = [rows[name].astype(str).tolist() for name in FIELDS]
    return "".join(map(template.__mod__, zip(*columns, shapes, strict=True))).encode()


def _areas(
    text: bytes, stops: list[int], rings: list[int], parts: list[int], features: list[int]
) -> list[str]:
    tags = ("<{}BoundaryIs><LinearRing><coordinates>", "</coordinates></LinearRing></{}BoundaryIs>")
    outer, inner = ([tag.format(side) for tag in tags] for side in ("outer", "inner"))
    lists = [text[stops[a] + 1 : stops[b]].decode() for a, b in pairwise(rings)]
    polygons = [
        "<Polygon>"
        + "".join(
            (inner if ring > first else outer)[0] + lists[ring] + (inner if ring > first else outer)[1]
            for ring in range(first, last)
        )
        + "</Polygon>"
        for first, last in pairwise(parts)
    ]
    return [
        f"<MultiGeometry>{''.join(polygons[a:b])}</MultiGeometry>" if b - a > 1 else polygons[a]
        for a, b in pairwise(features)
    ]


def with_simplekml(frame: gpd.GeoDataFrame) -> str:
    document, geographic = simplekml.Kml(), frame.to_crs(4326)
    schema = document.newschema(name="Layer")
    for name in FIELDS:
        schema.newsimplefield(name=name, type="string")
    style = simplekml.Style()
    rows = geographic.drop(columns="geometry").to_dict("records")
    for row, geometry in zip(rows, geographic.geometry, strict=True):
        if geometry.geom_type == "Point":
            placemark = document.newpoint(name=row["name"], coords=[(geometry.x, geometry.y)])
        else:
            placemark = document.newmultigeometry(name=row["name"])
            for part in getattr(geometry, "geoms", [geometry]):
                holes = [list(ring.coords) for ring in part.interiors]
                placemark.newpolygon(outerboundaryis=list(part.exterior.coords), innerboundaryis=holes)
        placemark.style = style
        placemark.extendeddata.schemadata.schemaurl = schema.id
        for name in FIELDS:
            placemark.extendeddata.schemadata.newsimpledata(name, row[name])
    return str(document.kml(format=False))


def with_zipfile(text: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("doc.kml", text)
    return sink.getvalue()


def kml_variants(frame: gpd.GeoDataFrame, whole: Selection) -> dict[str, Callable[[], Any]]:
    variants: dict[str, Callable[[], Any]] = {
        "text templates (floor)": lambda: templates(frame),
        "kml.document": lambda: list(scene_text(whole)),
    }
    if len(frame) <= USUAL:
        variants["simplekml"] = lambda: with_simplekml(frame)
    return variants


def kmz_variants(whole: Selection) -> dict[str, Callable[[], Any]]:
    pieces = list(scene_text(whole))
    text = b"".join(pieces)
    return {
        "isal at level 1 (floor)": lambda: isal_zlib.compress(text, 1),
        "archive": lambda: list(archive([Member("doc.kml", pieces)])),
        "zipfile": lambda: with_zipfile(text),
    }


def geojson_variants(frame: gpd.GeoDataFrame, whole: Selection) -> dict[str, Callable[[], Any]]:
    variants: dict[str, Callable[[], Any]] = {
        "shapely.to_geojson + orjson.Fragment (floor)": lambda: fragments(frame),
        "geojson.write": lambda: list(geojson.write(whole)),
        "pbf.write": lambda: list(pbf.write(whole)),
    }
    if len(frame) <= USUAL:
        variants["GeoDataFrame.to_json"] = lambda: frame.to_crs(4326).to_json(default=str)
    return variants


def table_variants(frame: gpd.GeoDataFrame, whole: Selection) -> dict[str, Callable[[], Any]]:
    def saved(driver: str, name: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            frame.to_file(Path(folder) / name, driver=driver, engine="pyogrio")

    asked = Resource({}, features=whole, name="layer")
    return {
        "DataFrame.to_csv": lambda: frame.to_wkt().to_csv(index=False),
        "csv": lambda: list(csv.write(asked).content),
        "GeoDataFrame.to_file, GPKG": lambda: saved("GPKG", "layer.gpkg"),
        "gpkg": lambda: list(gpkg.write(asked).content),
        "GeoDataFrame.to_file, ESRI Shapefile": lambda: saved("ESRI Shapefile", "layer.shp"),
        "shapefile": lambda: list(shapefile.write(asked).content),
    }


WRITERS: dict[str, Callable[[Selection], Any]] = {
    "kml": scene_text,
    "kmz": lambda whole: archive([Member("doc.kml", scene_text(whole))]),
    "geojson": geojson.write,
    "pbf": pbf.write,
    "csv": lambda whole: csv.write(Resource({}, features=whole, name="layer")).content,
    "gpkg": lambda whole: gpkg.write(Resource({}, features=whole, name="layer")).content,
    "shapefile": lambda whole: shapefile.write(Resource({}, features=whole, name="layer")).content,
}


def growth(path: Path, name: str) -> str:
    """By how much a process grows while it streams a stored layer."""
    layer, write = Layer.open(path), WRITERS[name]
    list(write(Selection(layer, rows=layer.order[:10])))  # what is loaded once
    before, size = peak(), sum(map(len, write(Selection(layer))))
    return f"{name:<10} {size / 1e6:8.1f} MB streamed, {peak() - before:6.1f} MB more at the peak"


def peak() -> float:
    """The most megabytes that this process had, the pages of mapped files included."""
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    warnings.filterwarnings("ignore", "Field sold created as String")  # a shapefile has no times
    for size in tuple(map(int, sys.argv[1:])) or SIZES:
        for make in (points, parcels):
            frame, title = make(size), f"{size} {make.__name__}"
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "layer.arrow"
                write_layer(frame, path)
                whole = Selection(Layer.open(path))
                for name, variants in {
                    "KML": kml_variants(frame, whole),
                    "KMZ": kmz_variants(whole),
                    "GeoJSON": geojson_variants(frame, whole),
                    "tables": table_variants(frame, whole),
                }.items():
                    medians = compare(variants, rounds=3)
                    print(table(f"{name} {title}", medians, floor=next(iter(medians))))
                with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as alone:
                    for line in alone.map(growth, [path] * len(WRITERS), WRITERS):
                        print(line)
                print()


if __name__ == "__main__":
    main()
