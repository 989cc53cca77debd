"""Answers of a query as Esri's own decoders in @arcgis/core, and arcgis-pbf-parser from npm, read them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from gpserver.features import Layer, Selection, esri_json, geojson, pbf, write_layer
from gpserver.features.quantization import Quantization

COUNT = 300
ATTRIBUTES = pd.DataFrame(
    {
        "text": ["Привет", "", None] * (COUNT // 3),
        "double": np.linspace(-1e9, 1e9, COUNT),
        "whole": pd.array([0, -(2**31), None] * (COUNT // 3), "Int32"),
        "large": np.arange(COUNT) * 2**44 - 2**50,
        "when": pd.to_datetime(np.arange(COUNT) * 10**10 - 10**12, unit="ms"),
    }
)
GRID = Quantization(0.25, -180, 90, thins=True)

Read = Callable[[str], dict[str, Any]]


GEOMETRY_TYPES = ("points", "points_zm", "multipoints", "lines", "lines_z", "polygons", "multipolygons")


def geometries() -> dict[str, Any]:
    """Geometries of every type, all over the world; every seventh is missing."""
    random = np.random.default_rng(1)
    xy = random.uniform(-1, 1, (COUNT, 2)) * [170, 80]
    path = xy[:, None] + random.uniform(-3, 3, (COUNT, 6, 2))
    centre = shapely.points(xy)
    kinds = [
        centre,
        shapely.from_wkt([f"POINT ZM ({x} {y} {x * 10} {y * 10})" for x, y in xy]),
        shapely.multipoints(path),
        shapely.multilinestrings(path.reshape(COUNT, 2, 3, 2)),
        shapely.force_3d(shapely.linestrings(path), 123.4),
        shapely.difference(shapely.buffer(centre, 2), shapely.buffer(centre, 1)),
        shapely.union(shapely.buffer(centre, 1), shapely.buffer(shapely.points(xy + 3), 1)),
    ]
    for kind in kinds:
        kind[::7] = None
    return dict(zip(GEOMETRY_TYPES, kinds, strict=True))


def selections(folder: Path) -> dict[str, Selection]:
    chosen = {}
    for name, geometry in geometries().items():
        write_layer(gpd.GeoDataFrame(ATTRIBUTES, geometry=geometry, crs=4326), folder / f"{name}.arrow")
        layer = Layer.open(folder / f"{name}.arrow")
        chosen[name] = Selection(layer, return_z=True, return_m=True, exceeded=name == "points")
        chosen[f"{name}_on_a_grid"] = Selection(layer, quantization=GRID, return_z=True)
    write_layer(ATTRIBUTES, folder / "table.arrow")
    return chosen | {"table": Selection(Layer.open(folder / "table.arrow"))}


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Selection]:
    return selections(tmp_path_factory.mktemp("layers"))


@pytest.fixture(scope="module")
def read_by(
    node: str,
    packages: Path,
    converse: Any,
    layers: dict[str, Selection],
    tmp_path_factory: pytest.TempPathFactory,
) -> Read:
    """What the decoders found in the answers that hold a selection."""
    folder = tmp_path_factory.mktemp("buffers")
    for name, selection in layers.items():
        (folder / f"{name}.pbf").write_bytes(b"".join(pbf.write(selection)))
        (folder / f"{name}.json").write_bytes(b"".join(esri_json.write(selection)))
    found = converse(node, Path(__file__).parent / "pbf.mjs", *(folder / name for name in layers))
    return dict(zip(layers, found, strict=True)).__getitem__


def flat(geometry: Any) -> Any:
    """The coordinates of an Esri geometry, with how many each of its lists has."""
    if geometry is None:
        return [], []
    if "x" in geometry:
        return [1], [geometry[axis] for axis in "xyzm" if axis in geometry]
    lists = next(geometry[key] for key in ("points", "paths", "rings") if key in geometry)
    lists = [lists] if "points" in geometry else lists
    return [len(part) for part in lists], np.concatenate([np.ravel(part) for part in lists] or [[]]).tolist()


NAMES = [name + end for name in GEOMETRY_TYPES for end in ("", "_on_a_grid")]


@pytest.mark.parametrize("name", [*NAMES, "table"])
def test_esris_decoders_read_the_same(read_by: Read, name: str) -> None:
    theirs, ours = read_by(name)["esri"], read_by(name)["json"]
    for key in ("geometryType", "spatialReference", "exceededTransferLimit"):
        if name != "table" or key == "exceededTransferLimit":
            assert theirs[key] == ours[key]
    assert theirs["objectIdFieldName"] == "OBJECTID"
    described = [(field["name"], field["type"], field["alias"]) for field in theirs["fields"]]
    assert described == [(field["name"], field["type"], field["alias"]) for field in ours["fields"]]
    assert len(theirs["features"]) == COUNT
    for read, written in zip(theirs["features"], ours["features"], strict=True):
        assert read["attributes"] == written["attributes"]
        lengths, coordinates = flat(read.get("geometry"))
        assert lengths == flat(written.get("geometry"))[0]
        assert coordinates == pytest.approx(flat(written.get("geometry"))[1], rel=0, abs=5.01e-5)


# It reads no multipoints, and takes z for the next x.
@pytest.mark.parametrize(
    "name", ["points", "lines", "polygons", "points_on_a_grid", "multipolygons_on_a_grid"]
)
def test_the_parser_from_npm_reads_what_the_geojson_says(
    read_by: Read, layers: dict[str, Selection], name: str
) -> None:
    theirs = read_by(name)["parser"]
    ours = json.loads(b"".join(geojson.write(layers[name])))
    assert theirs["exceededTransferLimit"] == layers[name].exceeded
    for read, written in zip(theirs["featureCollection"]["features"], ours["features"], strict=True):
        assert (read["id"], read["properties"]) == (written["id"], written["properties"])
        assert (read["geometry"] is None) >= (written["geometry"] is None)
        if read["geometry"] is not None:
            pair = [shapely.from_geojson(json.dumps(item["geometry"])) for item in (read, written)]
            assert shapely.hausdorff_distance(*pair) < (0.5 if name.endswith("grid") else 1e-8)
