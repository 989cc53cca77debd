"""The scheduler's tasks in one process: every storage, what is lost, what is refused, and batches."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from gpserver import JobContext
from gpserver.errors import Conflict, GPServerError, InvalidValue, NotFound
from gpserver.evergis.bodies import read_body
from gpserver.evergis.tasks import Outcome, run
from gpserver.layers import Layers, open_layers

UTM = 32637
PLACES = {"name": ["Москва", "b", "c"], "size": [1, 2, 3], "x": [37.5, 38.5, 39.5], "y": [55.5, 56.5, 57.5]}


@pytest.fixture
def layers(tmp_path: Path) -> Layers:
    return open_layers(tmp_path / "layers")


@pytest.fixture
def job(layers: Layers, tmp_path: Path) -> JobContext:
    return JobContext(scratch=tmp_path / "scratch", layers=layers)


def do(job: JobContext, kind: str, **body: Any) -> Outcome:
    return run(job, read_body(json.dumps(body).encode(), kind))


def result(outcome: Outcome) -> dict[str, Any]:
    return json.loads(outcome.task_result)


def layer(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "layerTaskDataStorage", "serviceName": name, **more}


def new(name: str) -> dict[str, Any]:
    return layer(name, createNewService=True)


def file(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "staticTaskDataStorage", "fileName": name, **more}


def keep(layers: Layers, folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    layers.resources.add_file(folder / name, name)


def points(**columns: Any) -> gpd.GeoDataFrame:
    values = {"name": ["a", "b", "c"], "level": [1, 2, 3], **columns}
    return gpd.GeoDataFrame(values, geometry=gpd.points_from_xy([0, 1000, 2000], [0, 0, 0]), crs=UTM)


# Import.


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("name,size,x,y\n{rows}", {"coordSourceFields": ["x", "y"]}),
        ("name;size;x;y\n{rows}", {"coordSourceFields": ["x", "y"], "columnDelimiter": ";"}),
        (
            "places\nname,size,x,y\nName,Size,X,Y\n{rows}",
            {
                "coordSourceFields": ["x", "y"],
                "attributeNameRowNumber": 2,
                "containsAliasRow": True,
                "aliasRowNumber": 3,
                "firstDataRowNumber": 4,
            },
        ),
        ("name,size,place\n{wkt}", {"coordSourceFields": ["place"], "isWkt": True}),
        ("name,size,place\n{pair}", {"coordSourceFields": ["place"]}),
    ],
)
def test_csv_is_imported_as_the_storage_says(
    job: JobContext, layers: Layers, tmp_path: Path, text: str, options: dict[str, Any]
) -> None:
    comma = options.get("columnDelimiter", ",")
    lines = list(zip(*PLACES.values(), strict=True))
    parts = {
        "rows": "\n".join(comma.join(map(str, line)) for line in lines),
        "wkt": "\n".join(f"{name},{size},POINT ({x} {y})" for name, size, x, y in lines),
        "pair": "\n".join(f"{name},{size},{y}; {x}" for name, size, x, y in lines),
    }
    keep(layers, tmp_path, "places.csv", text.format(**parts).encode())
    source = file("places.csv", spatialReference=4326, layerName="places", **options)
    assert result(do(job, "copy", source=source, target=new("u.places")))["outputObjectCount"] == 3
    found = layers.read("u.places")
    assert found["name"].tolist() == PLACES["name"]
    assert found["size"].tolist() == [1, 2, 3]
    assert found.geometry.x.tolist() == PLACES["x"]
    assert found.geometry.y.tolist() == PLACES["y"]
    assert found.crs.to_epsg() == 4326


def test_rows_without_coordinates_go_into_a_table(job: JobContext, layers: Layers, tmp_path: Path) -> None:
    keep(layers, tmp_path, "rows.csv", b"name,size\na,1\nb,2\n")
    layers.write("u.rows", pd.DataFrame({"name": ["z"], "size": [0]}))
    target = {"type": "tableTaskDataStorage", "tableName": "u.rows"}
    outcome = do(job, "copy", source=file("rows.csv"), target=target, condition="size > 1")
    assert outcome.layer is None
    assert layers.read("u.rows")["name"].tolist() == ["z", "b"]


def test_a_layer_of_a_zipped_shapefile_is_imported(job: JobContext, layers: Layers, tmp_path: Path) -> None:
    for name in ("first", "second"):
        points(layer=[name] * 3).to_file(tmp_path / f"{name}.shp")
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        for path in [*tmp_path.glob("first.*"), *tmp_path.glob("second.*")]:
            archive.write(path, path.name)
    layers.resources.add_file(tmp_path / "both.zip", "both.zip")
    mapping = {"layer": "which", "geometry": "geometry"}
    for wanted in ("second", None):
        source = file("both.zip", layerName=wanted)
        target = new(f"u.{wanted}")
        do(job, "copy", source=source, target=target, attributeMapping=mapping)
    assert layers.read("u.second")["which"].unique().tolist() == ["second"]
    assert layers.read("u.None")["which"].unique().tolist() == ["first"]
    assert layers.find("u.second").sr_id == UTM


# Export.


@pytest.mark.parametrize("name", ["out.gpkg", "out.geojson", "out.zip"])
def test_a_layer_is_exported_and_read_by_others(
    job: JobContext, layers: Layers, tmp_path: Path, name: str
) -> None:
    layers.write("u.points", points())
    outcome = do(job, "copy", source=layer("u.points"), target=file(name), condition="level > 1")
    assert [step["outputObjectCount"] for step in result(outcome)["stepResults"]] == [2]
    path = layers.resources.file(name)
    found = gpd.read_file(f"zip://{path}" if name.endswith("zip") else path)
    assert found["name"].tolist() == ["b", "c"]
    assert found["gid"].tolist() == [2, 3]
    assert found.to_crs(UTM).geometry.x.tolist() == pytest.approx([1000, 2000], abs=0.01)


def test_a_table_is_exported_as_csv_over_an_older_file(
    job: JobContext, layers: Layers, tmp_path: Path
) -> None:
    keep(layers, tmp_path, "out.csv", b"old")
    layers.write("u.rows", pd.DataFrame({"name": ["a", None], "size": [1, 2]}))
    do(job, "copy", source={"type": "tableTaskDataStorage", "tableName": "u.rows"}, target=file("out.csv"))
    assert pd.read_csv(layers.resources.file("out.csv"))["size"].tolist() == [1, 2]


# Other storages and tasks.


def test_a_configured_layer_renames_and_calculates(job: JobContext, layers: Layers) -> None:
    layers.write("u.points", points())
    attributes = [
        {"attributeName": "title", "columnName": "name"},
        {"attributeName": "twice", "expression": "level * 2"},
    ]
    configuration = {"attributesConfiguration": {"attributes": attributes}}
    source = {"type": "configuredLayerTaskDataStorage", "serviceName": "u.points", **configuration}
    do(job, "copy", source=source, target=new("u.chosen"))
    found = layers.read("u.chosen")
    assert found.columns.tolist() == ["gid", "title", "twice", "geometry"]
    assert found["twice"].tolist() == [2, 4, 6]
    back = [{"attributeName": "title", "columnName": "name"}]
    target = source | {"attributesConfiguration": {"attributes": back}}
    do(job, "copy", source=layer("u.chosen"), target=target)
    assert layers.read("u.points")["name"].tolist() == ["a", "b", "c"] * 2


def test_a_layer_that_shows_a_table_is_written_and_edited_like_it(job: JobContext, layers: Layers) -> None:
    layers.write("u.table", points())
    shown = {"eql": "SELECT * FROM u.table", "createTable": False}
    shown |= {"attributesConfiguration": {"tableName": "u.table"}}
    table = layers.find("u.table")
    layers.create(replace(table, name="u.shown", configuration=shown))
    outcome = do(job, "copy", source=layer("u.shown", condition="level > 1"), target=layer("u.shown"))
    assert result(outcome)["outputObjectCount"] == 2
    assert layers.read("u.table")["level"].tolist() == [1, 2, 3, 2, 3]
    do(
        job,
        "editAttributes",
        target=layer("u.shown"),
        attribute="twice",
        editExpression="level * 2",
        createNewAttribute=True,
        attributeType="Double",
        condition="gid > 3",
    )
    for name in ("u.table", "u.shown"):
        assert layers.read(name)["twice"].fillna(0).tolist() == [0, 0, 0, 4, 6]


def test_tiles_are_loaded_by_the_task_tiling(job: JobContext, layers: Layers, tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio")
    with rasterio.open(
        tmp_path / "scene.tif",
        "w",
        driver="GTiff",
        width=8,
        height=8,
        count=1,
        dtype="uint8",
        crs=UTM,
        transform=rasterio.transform.from_origin(400_000, 6_200_000, 10, 10),
    ) as raster:
        raster.write(np.ones((1, 8, 8), np.uint8))
    layers.resources.add_file(tmp_path / "scene.tif", "scene.tif")
    target = {
        "type": "tileFeatureLayerTaskDataStorage",
        "serviceName": "u.scenes",
        "createNewService": True,
    }
    outcome = do(job, "tiling", target=target, files=["scene.tif"], useCog=True)
    assert (result(outcome)["inputObjectCount"], result(outcome)["outputObjectCount"]) == (1, 1)
    assert layers.find("u.scenes").count == 1


def test_zones_of_seconds_end_where_the_roads_take_one(job: JobContext, layers: Layers) -> None:
    """Two straight roads that cross: the farthest point is as far as one comes in the time."""
    cross = [shapely.LineString([(-9000, 0), (0, 0), (9000, 0)]), shapely.LineString([(0, -9000), (0, 9000)])]
    lines = gpd.GeoSeries(cross, crs=UTM).translate(500_000, 6_200_000)
    layers.write("networks.sp_car", gpd.GeoDataFrame({"speed": [60.0, 60.0]}, geometry=lines))
    starts = [(500_000, 6_200_000), (500_100, 6_200_000)]
    source = gpd.GeoDataFrame({"minutes": [5, 2]}, geometry=shapely.points(starts), crs=UTM)
    layers.write("u.starts", source)
    outcome = do(
        job,
        "route",
        source=layer("u.starts"),
        target=new("u.zones"),
        duration="minutes * 60",
        providerType="sp_car",
        durationAttributeName="seconds",
        routeCenterXAttributeName="x",
        routeCenterYAttributeName="y",
    )
    assert result(outcome)["outputObjectCount"] == 2
    found = layers.read("u.zones")
    assert found.columns.tolist() == ["gid", "base_object", "seconds", "x", "y", "geometry"]
    assert found["base_object"].tolist() == [1, 2]
    assert found["seconds"].tolist() == [300, 120]
    assert list(zip(found["x"], found["y"], strict=True)) == starts
    # At 60 km/h a metre takes 0.06 seconds; the scale of the projection is 0.9996 there.
    west, _, east, _ = found.geometry.iloc[0].bounds
    assert (east - west) / 2 == pytest.approx(5000, rel=0.05)
    assert found.geometry.iloc[0].contains(shapely.Point(504_500, 6_200_000))
    assert not found.geometry.iloc[1].contains(shapely.Point(504_500, 6_200_000))


def test_what_nothing_can_be_made_of_is_counted_and_told(job: JobContext, layers: Layers) -> None:
    frame = points(reach=[100.0, None, 50.0])
    frame.loc[2, "geometry"] = None
    layers.write("u.gaps", frame)
    outcome = do(job, "buffer", source=layer("u.gaps"), target=new("u.b"), radii=["reach"])
    step = result(outcome)["stepResults"][-1]
    assert (step["inputObjectCount"], step["errorCount"], step["outputObjectCount"]) == (3, 2, 1)
    assert step["batchErrors"][0].startswith("2 of 3 objects were left out")
    assert layers.read("u.b")["base_object"].tolist() == [1]
    assert [message.text for message in job.messages] == step["batchErrors"]


def test_an_empty_layer_gives_an_empty_layer(job: JobContext, layers: Layers) -> None:
    layers.write("u.empty", points().iloc[:0])
    for kind, more in {
        "copy": {},
        "union": {},
        "buffer": {"radii": [5]},
        "overlay": {"toolLayer": layer("u.empty"), "operation": "intersection"},
    }.items():
        outcome = do(job, kind, source=layer("u.empty"), target=new(f"u.of_{kind}"), **more)
        assert result(outcome)["outputObjectCount"] == 0
        assert len(layers.read(f"u.of_{kind}")) == 0


def test_many_objects_are_written_in_batches(job: JobContext, layers: Layers) -> None:
    count = 50_001
    frame = gpd.GeoDataFrame({"n": np.arange(count)}, geometry=shapely.points(np.zeros((count, 2))), crs=UTM)
    layers.write("u.many", frame)
    steps = result(do(job, "copy", source=layer("u.many"), target=new("u.copy")))["stepResults"]
    assert [step["batchCount"] for step in steps] == [1, 1, 2]
    assert layers.find("u.copy").count == count
    live = [tuple(report.detail["live"].values()) for report in job.reports]
    assert live[1] == (3, 1, 0, count)
    assert live[-1] == (3, 3, 50_000, count)
    assert [number for _, number, *_ in live] == sorted(number for _, number, *_ in live)


@pytest.mark.parametrize(
    ("kind", "stored"),
    [("Double", [2.0, 4.0, 6.0]), ("String", ["2", "4", "6"]), ("Unknown", [2, 4, 6])],
)
def test_a_new_attribute_has_its_type(job: JobContext, layers: Layers, kind: str, stored: list[Any]) -> None:
    layers.write("u.points", points())
    do(
        job,
        "editAttributes",
        target=layer("u.points"),
        attribute="twice",
        editExpression="level * 2",
        createNewAttribute=True,
        attributeType=kind,
    )
    assert layers.read("u.points")["twice"].tolist() == stored


@pytest.mark.parametrize(
    ("kind", "body", "error", "text"),
    [
        ("copy", {"source": file("no.csv"), "target": new("u.r")}, NotFound, "no.csv"),
        ("copy", {"source": layer("u.points"), "target": new("u.points")}, Conflict, "u.points"),
        ("copy", {"source": layer("u.points"), "target": file("out.dwg")}, InvalidValue, "dwg"),
        (
            "copy",
            {"source": layer("u.points"), "target": layer("u.points"), "attributeMapping": {"name": "title"}},
            InvalidValue,
            "attributeMapping.name: the target u.points has no attribute title",
        ),
        ("union", {"source": layer("u.rows"), "target": new("u.r")}, InvalidValue, "no geometry"),
        (
            "editAttributes",
            {"target": layer("u.points"), "attribute": "nobody", "editExpression": "1"},
            InvalidValue,
            "nobody",
        ),
        (
            "editAttributes",
            {
                "target": layer("u.points"),
                "attribute": "Level",
                "editExpression": "1",
                "createNewAttribute": True,
            },
            Conflict,
            "Level",
        ),
        (
            "editAttributes",
            {"target": layer("u.points"), "attribute": "level", "editExpression": "name + 'x'"},
            InvalidValue,
            "level",
        ),
        (
            "route",
            {
                "source": layer("u.points"),
                "target": new("u.r"),
                "duration": 60,
                "providerType": "sp_walk",
            },
            NotFound,
            "networks.sp_walk",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(
    job: JobContext, layers: Layers, kind: str, body: dict[str, Any], error: type[GPServerError], text: str
) -> None:
    layers.write("u.points", points())
    layers.write("u.rows", pd.DataFrame({"a": [1]}))
    with pytest.raises(error, match=text):
        do(job, kind, **body)
    assert not layers.exists("u.r")
    assert len(layers.read("u.points")) == 3
