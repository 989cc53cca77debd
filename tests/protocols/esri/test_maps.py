"""The result map service over the wire: resources, query, identify, find, export, legend, tiles."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Server, StartServer, publishing
from gpclient import Client, EsriError
from PIL import Image

from gpserver.features import pbf

CITIES = [
    ("Paris", 2.35, 48.86, 2_100_000),
    ("Berlin", 13.4, 52.52, 3_700_000),
    ("Rome", 12.5, 41.9, 2_800_000),
]
FEATURES = {
    "geometryType": "esriGeometryPoint",
    "spatialReference": {"wkid": 4326},
    "features": [
        {"geometry": {"x": x, "y": y}, "attributes": {"name": name, "people": people}}
        for name, x, y, people in CITIES
    ],
}
MAP = "Buffer/MapServer"
Box = tuple[float, float, float, float]


@pytest.fixture(scope="module")
def job(client: Client) -> str:
    """The id of a finished buffer of 200 km around three cities."""
    place = client.submit(
        "Buffer/BufferPoints",
        Input_Features=json.dumps(FEATURES),
        Distance=json.dumps({"distance": 200, "units": "esriKilometers"}),
    )
    assert client.wait(place)["jobStatus"] == "esriJobSucceeded"
    return place.rpartition("/")[2]


@pytest.fixture(scope="module")
def map_(job: str) -> str:
    return f"{MAP}/jobs/{job}"


def picture(client: Client, place: str, **parameters: Any) -> np.ndarray[Any, Any]:
    """The pixels of a picture, (height, width, 4)."""
    answer = client.http.get(client.place(place), params={"f": "image", **parameters})
    assert answer.headers["content-type"].startswith("image/"), answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))


def test_the_gp_service_promises_the_map_that_is_there(client: Client) -> None:
    assert client.get("Buffer/GPServer")["resultMapServerName"] == "Buffer"
    assert client.get("BufferPlain/GPServer")["resultMapServerName"] == ""
    services = client.get("")["services"]
    assert {"name": "Buffer", "type": "MapServer"} in services
    assert {"name": "BufferPlain", "type": "MapServer"} not in services


def test_the_map_of_a_job(client: Client, map_: str) -> None:
    value = client.get(map_)
    assert value["capabilities"] == "Map,Query,Data"
    [layer] = value["layers"]
    assert (layer["id"], layer["name"], layer["geometryType"]) == (
        0,
        "Output_Polygons",
        "esriGeometryPolygon",
    )
    assert layer["subLayerIds"] is None
    assert value["spatialReference"] == {"wkid": 4326, "latestWkid": 4326}
    assert value["fullExtent"]["xmin"] == pytest.approx(-0.38, abs=0.01)
    assert value["units"] == "esriDecimalDegrees"
    updates = client.get(map_, returnUpdates="true")
    assert updates["fullExtent"] == value["fullExtent"]


def test_a_layer_describes_itself(client: Client, map_: str) -> None:
    layer = client.get(f"{map_}/0")
    assert layer["objectIdField"] == "OBJECTID"
    assert layer["displayField"] == "name"
    names = [field["name"] for field in layer["fields"]]
    assert names == ["OBJECTID", "name", "people", "BUFF_DIST", "Shape_Length", "Shape_Area"]
    assert layer["drawingInfo"]["renderer"]["type"] == "simple"
    assert layer["canModifyLayer"] is True  # or @arcgis/core refuses to draw it in another way
    assert layer["advancedQueryCapabilities"]["supportsPagination"] is True
    assert client.get(f"{map_}/layers")["layers"] == [layer]


def test_the_static_map_has_the_same_layer_without_its_features(client: Client, job: str) -> None:
    static, dynamic = client.get(f"{MAP}/0"), client.get(f"{MAP}/jobs/{job}/0")
    for key in ("id", "name", "geometryType", "fields", "drawingInfo", "objectIdField"):
        assert static[key] == dynamic[key]
    assert client.get(f"{MAP}/0/query", where="1=1", returnCountOnly="true") == {"count": 0}
    assert client.get(MAP)["layers"][0]["name"] == "Output_Polygons"


def test_query_gives_features(client: Client, map_: str) -> None:
    value = client.get(f"{map_}/0/query", where="people > 2500000", outFields="name,people", outSR="102100")
    assert [f["attributes"] for f in value["features"]] == [
        {"name": "Berlin", "people": 3_700_000},
        {"name": "Rome", "people": 2_800_000},
    ]
    assert value["spatialReference"] == {"wkid": 102100, "latestWkid": 3857}
    assert value["fieldAliases"] == {"name": "name", "people": "people"}
    assert "exceededTransferLimit" not in value
    assert len(value["features"][0]["geometry"]["rings"]) == 1


def test_query_without_anything_asked_gives_ids_and_geometry(client: Client, map_: str) -> None:
    value = client.get(f"{map_}/0/query", where="1=1")
    assert [f["attributes"] for f in value["features"]] == [{"OBJECTID": n} for n in (1, 2, 3)]
    assert "geometry" in value["features"][0]


def test_query_counts_ids_and_extents(client: Client, map_: str) -> None:
    query = f"{map_}/0/query"
    assert client.get(query, where="name = 'Rome'", returnCountOnly="true") == {"count": 1}
    ids = client.get(query, where="people < 3000000", returnIdsOnly="true")
    assert ids == {"objectIdFieldName": "OBJECTID", "objectIds": [1, 3]}
    only = {"returnExtentOnly": "true", "returnCountOnly": "true", "returnGeometry": "false"}
    both = client.get(query, objectIds="2", outSR="3857", **only)
    assert both["count"] == 1
    assert both["extent"]["spatialReference"]["latestWkid"] == 3857
    assert both["extent"]["xmin"] < 13.4 * 111_320 < both["extent"]["xmax"]


def test_query_orders_and_pages(client: Client, map_: str) -> None:
    page = {"where": "1=1", "outFields": "name", "orderByFields": "people DESC", "resultRecordCount": "2"}
    first = client.get(f"{map_}/0/query", **page)
    assert [f["attributes"]["name"] for f in first["features"]] == ["Berlin", "Rome"]
    assert first["exceededTransferLimit"] is True
    second = client.get(f"{map_}/0/query", **page, resultOffset="2")
    assert [f["attributes"]["name"] for f in second["features"]] == ["Paris"]
    assert "exceededTransferLimit" not in second


def test_query_by_place(client: Client, map_: str) -> None:
    query = f"{map_}/0/query"
    point = {"geometry": "2.3,48.9", "geometryType": "esriGeometryPoint", "inSR": "4326"}
    assert client.get(query, **point, returnIdsOnly="true")["objectIds"] == [1]
    box = {
        "geometry": json.dumps({"xmin": 10, "ymin": 40, "xmax": 15, "ymax": 55}),
        "returnCountOnly": "true",
    }
    assert client.get(query, **box) == {"count": 2}
    near = {
        "geometry": "7,50",
        "geometryType": "esriGeometryPoint",
        "distance": "200",
        "units": "esriSRUnit_Kilometer",
    }
    assert client.get(query, **near, returnIdsOnly="true")["objectIds"] == [1]


def test_query_gives_statistics(client: Client, map_: str) -> None:
    wanted = [{"statisticType": "sum", "onStatisticField": "people", "outStatisticFieldName": "all_people"}]
    value = client.get(f"{map_}/0/query", where="name <> 'Rome'", outStatistics=json.dumps(wanted))
    assert [f["attributes"] for f in value["features"]] == [{"all_people": 5_800_000}]


def test_query_gives_geojson_and_pbf(client: Client, map_: str) -> None:
    answer = client.http.get(
        client.place(f"{map_}/0/query"), params={"where": "1=1", "outFields": "*", "f": "geojson"}
    )
    assert answer.headers["content-type"].startswith("application/geo+json")
    assert [f["properties"]["name"] for f in answer.json()["features"]] == ["Paris", "Berlin", "Rome"]
    answer = client.http.get(
        client.place(f"{map_}/0/query"), params={"where": "1=1", "outFields": "*", "f": "pbf"}
    )
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert b"Berlin" in answer.content
    count = client.http.get(
        client.place(f"{map_}/0/query"), params={"where": "1=1", "returnCountOnly": "true", "f": "pbf"}
    )
    assert count.content == pbf.count(3)
    ids = client.http.get(
        client.place(f"{map_}/0/query"), params={"where": "1=1", "returnIdsOnly": "true", "f": "geojson"}
    )
    assert ids.json()["objectIds"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"where": "nonsense = 1"}, "nonsense"),
        ({"where": "1=1; DROP TABLE jobs"}, ";"),
        ({"geometry": "1,2,3", "geometryType": "esriGeometryPoint"}, "geometry"),
        ({"outFields": "nobody"}, "nobody"),
        ({"objectIds": "1;2"}, "objectIds"),
        ({"outStatistics": "{"}, "outStatistics"),
        (
            {"spatialRel": "esriSpatialRelLikes", "geometry": "1,2", "geometryType": "esriGeometryPoint"},
            "spatialRel",
        ),
        ({"distance": "far", "geometry": "1,2", "geometryType": "esriGeometryPoint"}, "distance"),
    ],
)
def test_a_bad_query_is_a_clear_error(client: Client, map_: str, wrong: dict[str, str], text: str) -> None:
    with pytest.raises(EsriError) as error:
        client.get(f"{map_}/0/query", **wrong)
    assert error.value.code == 400
    assert text.lower() in " ".join(error.value.details).lower()


def test_identify_says_what_is_at_a_place(client: Client, map_: str) -> None:
    asked = {
        "geometry": json.dumps({"x": 13.4, "y": 52.5}),
        "geometryType": "esriGeometryPoint",
        "sr": "4326",
        "layers": "all",
        "tolerance": "2",
        "mapExtent": "-5,35,25,60",
        "imageDisplay": "800,600,96",
    }
    [result] = client.get(f"{map_}/identify", **asked)["results"]
    assert (result["layerId"], result["layerName"], result["value"]) == (0, "Output_Polygons", "Berlin")
    assert result["attributes"]["people"] == "3700000"
    assert result["attributes"]["BUFF_DIST"] == "200000"
    assert result["geometry"]["spatialReference"]["wkid"] == 4326
    [rounded] = client.get(f"{map_}/identify", **asked, geometryPrecision="1")["results"]
    assert rounded["geometry"]["rings"][0][0] == pytest.approx([13.4, 54.3], abs=1e-9)
    plain = client.get(f"{map_}/identify", **asked, returnUnformattedValues="true", returnGeometry="false")
    assert plain["results"][0]["attributes"]["people"] == 3_700_000
    assert "geometry" not in plain["results"][0]
    assert client.get(f"{map_}/identify", **{**asked, "geometry": "-4,36"})["results"] == []


def test_find_looks_for_text(client: Client, map_: str) -> None:
    [result] = client.get(f"{map_}/find", searchText="BER", layers="0", returnGeometry="false")["results"]
    assert (result["foundFieldName"], result["value"]) == ("name", "Berlin")
    assert client.get(f"{map_}/find", searchText="ber", contains="false", layers="0")["results"] == []


def test_export_draws_what_is_there(client: Client, map_: str) -> None:
    pixels = picture(client, f"{map_}/export", bbox="-10,35,30,60", size="400,250", transparent="true")
    assert pixels.shape == (250, 400, 4)

    def at(x: float, y: float) -> int:
        return int(pixels[round((60 - y) * 10), round((x + 10) * 10), 3])

    assert [at(x, y) > 0 for _, x, y, _ in CITIES] == [True] * 3
    assert at(-5, 58) == 0
    hidden = picture(
        client, f"{map_}/export", bbox="-10,35,30,60", size="400,250", transparent="true", layers="show:-1"
    )
    assert not hidden[..., 3].any()
    some = picture(
        client,
        f"{map_}/export",
        bbox="-10,35,30,60",
        size="400,250",
        transparent="true",
        layerDefs=json.dumps({"0": "name = 'Rome'"}),
    )
    assert some[round((60 - 41.9) * 10), round(22.5 * 10), 3] > 0
    assert some[round((60 - 52.52) * 10), round(23.4 * 10), 3] == 0


def test_export_says_where_the_picture_is(client: Client, map_: str) -> None:
    asked = {
        "bbox": "-10,60,30,35",
        "size": "400,400",
        "imageSR": "3857",
        "bboxSR": "4326",
        "format": "png32",
    }
    value = client.get(f"{map_}/export", **asked)
    assert (value["width"], value["height"]) == (400, 400)
    extent = value["extent"]
    assert extent["spatialReference"] == {"wkid": 102100, "latestWkid": 3857}
    assert extent["xmax"] - extent["xmin"] == pytest.approx(extent["ymax"] - extent["ymin"])
    assert value["href"].endswith(".png")
    answer = client.http.get(value["href"])
    assert Image.open(io.BytesIO(answer.content)).size == (400, 400)
    again = client.http.get(value["href"], headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("png", "png"),
        ("png8", "png"),
        ("png24", "png"),
        ("png32", "png"),
        ("jpg", "jpeg"),
        ("gif", "gif"),
        ("bmp", "bmp"),
        ("svg", "svg+xml"),
        ("pdf", "pdf"),
    ],
)
def test_export_knows_formats(client: Client, map_: str, name: str, media_type: str) -> None:
    answer = client.http.get(
        client.place(f"{map_}/export"),
        params={"bbox": "-10,35,30,60", "size": "80,50", "format": name, "f": "image"},
    )
    assert answer.headers["content-type"].endswith(f"/{media_type}")
    assert len(answer.content) > 100


def test_dynamic_layers_bring_their_own_renderer(client: Client, map_: str) -> None:
    red = {"type": "esriSFS", "style": "esriSFSSolid", "color": [255, 0, 0, 255], "outline": None}
    layer = {
        "id": 7,
        "source": {"type": "mapLayer", "mapLayerId": 0},
        "definitionExpression": "name = 'Berlin'",
        "drawingInfo": {"renderer": {"type": "simple", "symbol": red}},
    }
    pixels = picture(
        client, f"{map_}/export", bbox="-10,35,30,60", size="400,250", dynamicLayers=json.dumps([layer])
    )
    assert tuple(pixels[75, 234]) == (255, 0, 0, 255)
    assert tuple(pixels[181, 225]) == (255, 255, 255, 255)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"bbox": "1,2,3"}, "bbox"),
        ({"bbox": "a,b,c,d"}, "bbox"),
        ({"bbox": "0,0,1,1", "size": "5000,10"}, "maximum"),
        ({"bbox": "0,0,1,1", "format": "psd"}, "format"),
        ({"bbox": "0,0,1,1", "layers": "some:0"}, "layers"),
        ({"bbox": "0,0,1,1", "layerDefs": '{"0": "nobody = 1"}'}, "nobody"),
        ({"bbox": "0,0,1,1", "dpi": "-5"}, "dpi"),
        ({"bbox": "0,0,1,1", "dynamicLayers": '[{"id": 1}]'}, "dynamicLayers"),
        ({"bbox": "1,2", "f": "image"}, "bbox"),
    ],
)
def test_a_bad_export_is_a_clear_error(client: Client, map_: str, wrong: dict[str, str], text: str) -> None:
    with pytest.raises(EsriError) as error:
        client.get(f"{map_}/export", **wrong)
    assert error.value.code == 400
    assert text in " ".join(error.value.details)


def test_tiles_of_the_web_mercator_scheme(client: Client, map_: str) -> None:
    assert picture(client, f"{map_}/tile/4/5/8")[..., 3].any()
    assert not picture(client, f"{map_}/tile/4/5/0")[..., 3].any()
    with pytest.raises(EsriError, match="tile"):
        client.get(f"{map_}/tile/2/9/0")


def test_the_legend_shows_every_symbol(client: Client, map_: str) -> None:
    [layer] = client.get(f"{map_}/legend")["layers"]
    [entry] = layer["legend"]
    image = client.http.get(client.place(f"{map_}/0/images/{entry['url']}"))
    assert Image.open(io.BytesIO(image.content)).size == (entry["width"], entry["height"])


def test_a_result_is_a_picture_unless_data_is_asked_for(client: Client, job: str) -> None:
    place = f"Buffer/GPServer/BufferPoints/jobs/{job}/results/Output_Polygons"
    image = client.get(place)["value"]["mapImage"]
    assert (image["width"], image["height"]) == (400, 400)
    assert client.http.get(image["href"]).headers["content-type"] == "image/png"
    assert picture(client, place, size="50,60").shape == (60, 50, 4)
    assert len(client.get(place, returnType="data")["value"]["features"]) == 3


def test_maps_that_are_not_there(client: Client, job: str) -> None:
    for place in (
        f"BufferPlain/MapServer/jobs/{job}",
        "BufferPlain/MapServer",
        f"{MAP}/jobs/j{'0' * 32}",
        f"{MAP}/jobs/{job}/5",
        f"{MAP}/jobs/{job}/x",
        "Nobody/MapServer",
    ):
        with pytest.raises(EsriError):
            client.get(place)


def test_a_map_is_there_after_a_restart(start_server: StartServer, tmp_path: Path) -> None:
    services = Path(__file__).parents[3] / "services"
    first = start_server(services)
    place = first.client.submit("Buffer/BufferPoints", Input_Features=json.dumps(FEATURES))
    first.client.wait(place)
    first.stop()
    second = start_server(services, data=first.data)
    map_ = f"{MAP}/jobs/{place.rpartition('/')[2]}"
    assert second.client.get(f"{map_}/0/query", where="1=1", returnCountOnly="true") == {"count": 3}
    assert picture(second.client, f"{map_}/export").any()


def test_a_person_sees_the_map(client: Client, server: Server, map_: str) -> None:
    page = client.http.get(client.place(map_)).text
    assert "<img" in page
    assert "Output_Polygons" in page
    assert "outFields" in client.http.get(client.place(f"{map_}/0")).text
    assert "base64" in client.http.get(client.place(f"{map_}/legend")).text


TERRAIN = '''
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
from geopandas import GeoDataFrame, points_from_xy
from gpserver import ClassBreaks, Param, Points, Raster, Service, Table, UniqueValue, task


class Terrain(NamedTuple):
    """What there is.

    Attributes:
        height: Metres, the same along every row.
        classes: The same in classes.
        peaks: Points with a kind and a year.
        list: A table.
        odd: Points drawn by a field that they do not have.
    """

    height: Raster
    classes: Annotated[Raster, Param(symbology=ClassBreaks("Value", method="manual", breaks=(0, 50, 100)))]
    peaks: Annotated[Points, Param(symbology=UniqueValue("kind", labels="{kind}"), time_field="seen")]
    list: Table
    odd: Annotated[Points, Param(symbology=UniqueValue("nobody"))]


@task
def terrain() -> Terrain:
    """Make a landscape."""
    height = np.repeat(np.linspace(100, 0, 100)[:, None], 200, axis=1)
    height[:, :20] = np.nan
    raster = Raster(height, (0, 0, 20, 10), 4326)
    seen = pd.to_datetime(["2020-01-01", "2021-01-01", "2022-01-01"])
    table = {"kind": ["rock", "snow", None], "seen": seen}
    peaks = GeoDataFrame(table, geometry=points_from_xy([5, 10, 15], [5, 5, 5]), crs=4326)
    return Terrain(raster, raster, peaks, pd.DataFrame({"a": [1, 2]}), peaks)


terrains = Service("Terrain", result_map_service=True)
'''


@pytest.fixture(scope="module")
def terrain(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server, and the map of a job with rasters, points and a table."""
    with publishing(tmp_path_factory.mktemp("terrain"), {"terrain.py": TERRAIN}) as server:
        job = server.client.submit("Terrain/Terrain")
        state = server.client.wait(job)
        assert state["jobStatus"] == "esriJobSucceeded", state
        yield server.client, job, f"Terrain/MapServer/jobs/{job.rpartition('/')[2]}"


def test_rasters_tables_and_features_are_layers(terrain: Any) -> None:
    client, _, map_ = terrain
    value = client.get(map_)
    assert [(layer["id"], layer["type"]) for layer in value["layers"]] == [
        (0, "Raster Layer"),
        (1, "Raster Layer"),
        (2, "Feature Layer"),
        (4, "Feature Layer"),
    ]
    assert value["tables"] == [{"id": 3, "name": "List"}]
    assert client.get(f"{map_}/0")["capabilities"] == "Map"
    assert client.get(f"{map_}/0")["extent"]["xmax"] == 20
    assert client.get(f"{map_}/3")["type"] == "Table"
    rows = client.get(f"{map_}/3/query", where="A > 1", outFields="*")
    assert [f["attributes"] for f in rows["features"]] == [{"OBJECTID": 2, "a": 2}]
    static = client.get("Terrain/MapServer")
    assert [(layer["id"], layer["type"]) for layer in static["layers"]] == [
        (layer["id"], layer["type"]) for layer in value["layers"]
    ]


def test_a_symbology_that_does_not_fit_is_a_warning(terrain: Any) -> None:
    client, job, map_ = terrain
    assert "Odd is drawn in the usual way" in str(client.get(job)["messages"])
    assert client.get(f"{map_}/4")["drawingInfo"]["renderer"]["type"] == "simple"


def test_a_raster_is_drawn_in_its_colours(terrain: Any) -> None:
    client, _, map_ = terrain
    asked = {"bbox": "0,0,20,10", "size": "200,100", "transparent": "true", "format": "png32"}
    pixels = picture(client, f"{map_}/export", layers="show:0", **asked).astype(int)
    assert not pixels[:, :18, 3].any()
    assert np.abs(pixels[2, 100, :3] - (253, 231, 37)).max() < 20  # viridis: the highest is yellow
    assert np.abs(pixels[97, 100, :3] - (68, 1, 84)).max() < 20
    classes = picture(client, f"{map_}/export", layers="show:1", **asked)
    assert len(np.unique(classes[:, 100], axis=0)) == 2


def test_identify_gives_the_value_of_a_cell(terrain: Any) -> None:
    client, _, map_ = terrain
    asked = {
        "mapExtent": "0,0,20,10",
        "imageDisplay": "200,100,96",
        "tolerance": "1",
        "layers": "all:0",
        "sr": "4326",
    }
    [result] = client.get(f"{map_}/identify", geometry="10,9.95", **asked)["results"]
    assert float(result["attributes"]["Pixel Value"]) == pytest.approx(100)
    assert client.get(f"{map_}/identify", geometry="1,5", **asked)["results"] == []
    asked["layers"] = "all:2"
    [peak] = client.get(f"{map_}/identify", geometry="15,5", **asked)["results"]
    assert peak["attributes"] == {"OBJECTID": "3", "kind": "Null", "seen": "1/1/2022 12:00:00 AM"}
    with pytest.raises(EsriError, match="raster"):
        client.get(f"{map_}/0/query", where="1=1")


def test_a_raster_result_is_a_file_or_a_picture(terrain: Any) -> None:
    client, job, _ = terrain
    data = client.get(f"{job}/results/Height", returnType="data")["value"]
    assert data["format"] == "tif"
    assert client.http.get(data["url"]).content[:2] in (b"II", b"MM")
    assert client.get(f"{job}/results/Height")["value"]["mapImage"]["width"] == 400


def test_a_person_sees_rasters_and_tables_too(terrain: Any) -> None:
    client, job, map_ = terrain
    for place in (map_, f"{map_}/0", f"{map_}/2", f"{map_}/3", f"{map_}/legend", f"{map_}/layers", job):
        assert client.http.get(client.place(place)).status_code == 200, place
    page = client.http.get(client.place(f"{map_}/2/query"), params={"where": "1=1", "f": "html"})
    assert "rock" not in page.text
    assert "OBJECTID" in page.text


def test_symbols_follow_the_values_and_time_filters(terrain: Any) -> None:
    client, _, map_ = terrain
    layer = client.get(f"{map_}/2")
    assert [info["value"] for info in layer["drawingInfo"]["renderer"]["uniqueValueInfos"]] == [
        "rock",
        "snow",
    ]
    assert layer["timeInfo"]["startTimeField"] == "seen"
    legend = {item["layerId"]: item["legend"] for item in client.get(f"{map_}/legend")["layers"]}
    assert [entry["label"] for entry in legend[2]] == ["rock", "snow", "<all other values>"]
    assert [entry["label"] for entry in legend[0]] == ["High: 100", "", "Low: 0"]
    assert len(legend[1]) == 3
    query = {"where": "1=1", "returnIdsOnly": "true"}
    assert client.get(f"{map_}/2/query", time="1600000000000,1620000000000", **query)["objectIds"] == [2]
    assert client.get(f"{map_}/2/query", time="null,1620000000000", **query)["objectIds"] == [1, 2]


def test_a_renderer_is_made_on_demand(terrain: Any) -> None:
    client, _, map_ = terrain
    definition = {"type": "uniqueValueDef", "uniqueValueFields": ["kind"]}
    renderer = client.get(f"{map_}/2/generateRenderer", classificationDef=json.dumps(definition))
    assert renderer["type"] == "uniqueValue"
    assert {"rock", "snow"} <= {info["value"] for info in renderer["uniqueValueInfos"]}


def test_query_gives_less_of_a_geometry_when_asked(client: Client, map_: str) -> None:
    def rings(**asked: str) -> list[list[list[float]]]:
        value = client.get(f"{map_}/0/query", objectIds="1,", **asked)
        rings: list[list[list[float]]] = value["features"][0]["geometry"]["rings"]
        return rings

    whole = rings()
    assert len(rings(maxAllowableOffset="0.5")[0]) < len(whole[0]) / 2
    assert all(round(x, 2) == x for x, _ in rings(geometryPrecision="2")[0])
    extent = {"xmin": -10, "ymin": 40, "xmax": 10, "ymax": 60, "spatialReference": {"wkid": 4326}}
    grid = {"mode": "view", "originPosition": "upperLeft", "tolerance": 0.1, "extent": extent}
    value = client.get(f"{map_}/0/query", objectIds="1", quantizationParameters=json.dumps(grid))
    assert value["transform"]["scale"][:2] == [0.1, 0.1]
    assert all(isinstance(number, int) for number in value["features"][0]["geometry"]["rings"][0][0])
    distinct = client.get(f"{map_}/0/query", where="1=1", outFields="BUFF_DIST", returnDistinctValues="true")
    assert len(distinct["features"]) == 1


def test_a_map_turns(client: Client, map_: str) -> None:
    asked = {"bbox": "-10,40,20,60", "size": "300,200", "format": "png32", "transparent": "true"}
    straight = picture(client, f"{map_}/export", **asked)[..., 3] > 0
    turned = picture(client, f"{map_}/export", **asked, rotation="180")[..., 3] > 0
    assert (straight != turned[::-1, ::-1]).mean() < 0.01


def test_features_of_a_result_leave_in_other_formats(client: Client, job: str) -> None:
    place = client.place(f"Buffer/GPServer/BufferPoints/jobs/{job}/results/Output_Polygons")
    assert len(client.http.get(place, params={"f": "geojson"}).json()["features"]) == 3
    assert b"Berlin" in client.http.get(place, params={"f": "pbf"}).content


def test_conditions_cannot_reach_into_each_other(client: Client, map_: str) -> None:
    with pytest.raises(EsriError):
        client.get(f"{map_}/0/query", where="1=1) OR (1=1", text="Rome")
    only = client.get(f"{map_}/0/query", where="1=1 OR 1=1", text="o", returnIdsOnly="true")
    assert only["objectIds"] == [3]
    assert client.get(f"{map_}/0/query", text="%", returnCountOnly="true") == {"count": 0}


def test_statistics_are_ordered_by_their_own_names(client: Client, map_: str) -> None:
    wanted = [{"statisticType": "max", "onStatisticField": "people", "outStatisticFieldName": "most"}]
    value = client.get(
        f"{map_}/0/query",
        outStatistics=json.dumps(wanted),
        groupByFieldsForStatistics="name",
        orderByFields="most DESC",
    )
    assert [f["attributes"]["name"] for f in value["features"]] == ["Berlin", "Rome", "Paris"]


@pytest.mark.parametrize(
    "drawing",
    [
        [1],
        {"renderer": [1]},
        {"labelingInfo": [{"labelExpression": "[name]"}]},
        {"labelingInfo": [1]},
        {"labelingInfo": 1},
        {"transparency": "much"},
    ],
)
def test_a_look_that_is_none_is_told(client: Client, map_: str, drawing: Any) -> None:
    layer = {"id": 0, "source": {"type": "mapLayer", "mapLayerId": 0}, "drawingInfo": drawing}
    with pytest.raises(EsriError) as error:
        client.get(f"{map_}/export", bbox="0,0,1,1", dynamicLayers=json.dumps([layer]))
    assert "drawingInfo" in " ".join(error.value.details)


def test_dynamic_layers_keep_the_look_that_they_do_not_change_and_can_be_hidden(
    client: Client, map_: str
) -> None:
    layer = {"id": 7, "source": {"type": "mapLayer", "mapLayerId": 0}, "drawingInfo": {"renderer": None}}
    asked = {"bbox": "-10,35,30,60", "transparent": "true", "dynamicLayers": json.dumps([layer])}
    assert picture(client, f"{map_}/export", **asked)[..., 3].any()
    assert not picture(client, f"{map_}/export", **asked, layers="hide:7")[..., 3].any()


OPEN = """
from typing import Annotated

import geopandas as gpd
from shapely import box
from gpserver import Features, Fill, Param, Service, Simple, task


@task(output="shapes")
def open_type(count: int = 2) -> Annotated[Features, Param(symbology=Simple(Fill("red")))]:
    \"\"\"Make squares.\"\"\"
    return gpd.GeoDataFrame(geometry=[box(n, 0, n + 1, 1) for n in range(count)], crs=4326)


opened = Service("Open", result_map_service=MAPPED)
"""


def test_an_output_of_any_geometry_has_the_look_of_the_one_that_comes(
    start_server: StartServer, tmp_path: Path
) -> None:
    services = tmp_path / "services"
    services.mkdir()
    (services / "opened.py").write_text(OPEN.replace("MAPPED", "True"))
    client = start_server(services).client
    assert client.get("Open/MapServer/0")["geometryType"] == "esriGeometryPoint"  # as the task says
    job = client.submit("Open/OpenType")
    client.wait(job)
    layer = client.get(f"Open/MapServer/jobs/{job.rpartition('/')[2]}/0")
    assert layer["drawingInfo"]["renderer"]["symbol"]["color"][:3] == [255, 0, 0]


def test_a_job_is_a_map_when_that_was_promised_at_submit(start_server: StartServer, tmp_path: Path) -> None:
    services = tmp_path / "services"
    services.mkdir()
    (services / "opened.py").write_text(OPEN.replace("MAPPED", "True"))
    (services / "slow.py").write_text((Path(__file__).parents[3] / "services/tools.py").read_text())
    client = start_server(services, "--slots", "1").client
    busy = client.submit("Slow/SlowTask", Seconds=1.5)
    client.wait(busy, lambda state: state["jobStatus"] == "esriJobExecuting")
    job = client.submit("Open/OpenType")  # waits for its turn
    (services / "opened.py").write_text(OPEN.replace("MAPPED", "False"))
    client.wait(job)
    map_ = f"Open/MapServer/jobs/{job.rpartition('/')[2]}"
    assert picture(client, f"{map_}/export").any()
    assert client.get(f"{map_}/legend")["layers"][0]["legend"]
