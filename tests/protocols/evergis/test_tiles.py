"""Catalogues of rasters over HTTP: made, filled by the task tiling, looked at as tiles and as metadata."""

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import morecantile
import numpy as np
import pytest
import rasterio
from conftest import ROOT, Server, publishing
from PIL import Image
from rasterio.enums import Resampling
from rasterio.transform import from_bounds, from_origin
from rasterio.vrt import WarpedVRT

NAME = "ann.landsat"
TILE = "11/1110/657"  # in the middle of the scene
BOX = morecantile.tms.get("WebMercatorQuad").xy_bounds(1110, 657, 11)


class Site:
    """Calls the server as the published samples do."""

    def __init__(self, server: Server) -> None:
        self.url, self.http = f"{server.url}/sp", server.client.http

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.http.get(f"{self.url}{path}", **more)

    def post(self, path: str, json: Any, **parameters: Any) -> Any:
        answer = self.http.post(f"{self.url}{path}", json=json, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def upload(self, path: Path) -> str:
        with path.open("rb") as file:
            answer = self.http.post(
                f"{self.url}/upload/file", files={"file": (path.name, file)}, data={"rewrite": "true"}
            )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["fileId"])

    def load(self, *files: str, **body: Any) -> dict[str, Any]:
        """Run the task tiling; its progress at the end."""
        task = self.post("/scheduler/tasks", {"files": files, "useCog": True, **body}, type="tiling")[
            "taskId"
        ]
        deadline = time.monotonic() + 60
        while (found := self.get(f"/scheduler/tasks/{task}/progress").json())["status"] not in (
            "Completed",
            "Failed",
        ):
            assert time.monotonic() < deadline, found
            time.sleep(0.02)
        return dict(found)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    services = {"evergis.py": (ROOT / "services" / "evergis.py").read_text()}
    with publishing(tmp_path_factory.mktemp("tiles"), services) as server:
        yield Site(server)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hills in the light of the north west."""
    path = tmp_path_factory.mktemp("scene") / "landsat_test_image.tif"
    rows, columns = np.mgrid[:1500, :1500] / 1500 * 30
    north, east = np.gradient((np.sin(rows) + np.cos(columns * 1.3 + rows)) * 750, 30)
    shade = np.clip(150 + 40 * (north + east), 1, 255).astype(np.uint8)
    place = {"crs": "EPSG:32633", "transform": from_origin(500_000, 6_000_000, 30, 30)}
    shape = {"count": 3, "height": 1500, "width": 1500, "dtype": "uint8"}
    with rasterio.open(path, "w", driver="GTiff", photometric="RGB", **shape, **place) as file:
        file.write(np.stack([shade, shade // 2, 255 - shade]))
    return path


@pytest.fixture(scope="module")
def catalogue(site: Site, scene: Path) -> str:
    """The published story: a table of the type TileCatalogTable, a layer over it, a file, the task."""
    column = {"isNullable": False, "isUnique": True, "autoincrement": True}
    columns = [
        {"name": "gid", "type": "Int64", **column},
        {"name": "name", "type": "String"},
        {"name": "dateofimage", "type": "DateTime"},
        {"name": "geometry", "type": "Polygon", "srid": 3857},
    ]
    table = site.post("/tables", {"name": NAME, "type": "TileCatalogTable", "columns": columns})
    assert (table["type"], table["configuration"]) == (
        "TileCatalogTable",
        {"type": "TileCatalogTableConfiguration"},
    )
    attributes = {"idAttribute": "gid", "tableName": NAME, "geometryAttribute": "geometry"}
    site.post(
        "/layers", {"name": NAME, "attributesConfiguration": attributes}, type="PostgresTileCatalogService"
    )
    done = site.load(
        site.upload(scene),
        attributes={"name": "Landsat-8", "dateofimage": "2023-12-08T12:00:00+00:00"},
        polygonize=False,
        target={"type": "tileFeatureLayerTaskDataStorage", "serviceName": NAME, "createNewService": False},
    )
    assert done["status"] == "Completed", done
    [step] = done["taskResult"]["stepResults"]
    assert step["resultDetails"] == {"Tiles created": 9 + 4 + 1}
    assert [done["taskResult"][f"{way}ObjectCount"] for way in ("input", "output")] == [1, 1]
    return NAME


def picture(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return np.array(Image.open(io.BytesIO(answer.content)).convert("RGBA"))


def test_a_raster_is_a_row(site: Site, catalogue: str) -> None:
    [row] = site.get(f"/layers/{catalogue}/features").json()["features"]
    assert row["properties"]["name"] == "Landsat-8"
    assert row["properties"]["dateofimage"].startswith("2023-12-08T12:00:00")
    assert row["geometry"]["type"] == "MultiPolygon"


def test_a_tile_is_what_gdal_draws(site: Site, catalogue: str, scene: Path) -> None:
    pixels = picture(site.get(f"/layers/{catalogue}/tile/{TILE}"))
    place = {"transform": from_bounds(*BOX, 256, 256), "width": 256, "height": 256}
    with (
        rasterio.open(scene) as file,
        WarpedVRT(file, crs="EPSG:3857", resampling=Resampling.bilinear, add_alpha=True, **place) as warped,
    ):
        theirs = np.moveaxis(warped.read(), 0, -1)
    assert (theirs[..., 3] == 255).all()
    assert np.abs(pixels.astype(int) - theirs).max() <= 2


def test_the_same_tile_in_other_forms(site: Site, catalogue: str) -> None:
    plain = site.get(f"/layers/{catalogue}/tile/{TILE}.png")
    assert plain.headers["content-type"] == "image/png"
    assert (picture(site.get(f"/layers/{catalogue}/tile/{TILE}")) == picture(plain)).all()
    sharp = picture(site.get(f"/layers/{catalogue}/tile/{TILE}@2x.png"))
    assert sharp.shape == (512, 512, 4)
    for format, kind in (("jpg", "image/jpeg"), ("webp", "image/webp")):
        answer = site.get(f"/layers/{catalogue}/tile/{TILE}.{format}")
        assert answer.headers["content-type"] == kind
        assert np.abs(picture(answer)[..., :3].astype(int) - picture(plain)[..., :3]).mean() < 6
    again = site.get(f"/layers/{catalogue}/tile/{TILE}", headers={"if-none-match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_where_nothing_is_a_tile_is_transparent(site: Site, catalogue: str) -> None:
    assert not picture(site.get(f"/layers/{catalogue}/tile/3/0/0.png")).any()
    assert not picture(site.get(f"/layers/{catalogue}/tile/{TILE}", params={"ids": "5,6"})).any()
    assert picture(site.get(f"/layers/{catalogue}/tile/{TILE}", params={"ids": "1"})).any()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("{name}/tile/2/4/0", 404), ("{name}/tile/31/0/0", 404), ("{name}/tile/-1/0/0", 404),
        ("{name}/tile/1/0/x", 404), ("{name}/tile/0/0/0.tif", 400), ("{name}/tile/0/0/0@9x.png", 400),
        ("{name}/tile/0/0/0?ids=a", 400), ("ann.nothing/tile/0/0/0", 404), ("ann.points/tile/0/0/0", 404),
        ("{name}/2/metadata", 404), ("{name}/x/metadata", 404), ("{name}/1/metadata?min=low", 400),
    ],
)  # fmt: skip
def test_what_there_is_not(site: Site, catalogue: str, path: str, status: int) -> None:
    if "points" in path:
        columns = [{"name": "geometry", "type": "Point", "srid": 4326}]
        site.post("/tables", {"name": "ann.points", "columns": columns})
    answer = site.get(f"/layers/{path.format(name=catalogue)}")
    assert answer.status_code == status
    assert answer.json()["message"]


def test_metadata_of_a_raster(site: Site, catalogue: str, scene: Path) -> None:
    [facts] = site.get(f"/layers/{catalogue}/1/metadata", params={"min": 0, "max": 255}).json()
    assert set(facts) == {
        *("layerName", "width", "height", "bandCount", "rasterSizeInBytes", "boundingBox", "srId", "bands"),
    }
    assert (facts["width"], facts["bandCount"], facts["srId"]) == (1500, 3, 32633)
    with rasterio.open(scene) as file:
        means = [file.read(band).mean() for band in (1, 2, 3)]
    assert [band["mean"] for band in facts["bands"]] == pytest.approx(means, rel=0.01)
    assert all(len(band["histogram"]) == band["bucketCount"] == 256 for band in facts["bands"])


def test_what_is_told_of_a_catalogue(site: Site, catalogue: str) -> None:
    info = site.get(f"/layers/{catalogue}").json()
    assert info["configuration"]["layerType"] == "PostgresTileLayerService"
    assert (info["tileInfo"]["width"], info["tileInfo"]["srId"]) == (256, 3857)
    assert "dataSourceType" not in info


def test_a_new_catalogue_and_a_file_that_is_no_raster(site: Site, scene: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.tif").write_text("no raster")
    target = {"type": "tilingTaskDataStorage", "serviceName": "ann.made", "createNewService": True}
    done = site.load(site.upload(tmp_path / "notes.tif"), site.upload(scene), target=target)
    [step] = done["taskResult"]["stepResults"]
    assert (done["status"], step["errorCount"], step["outputObjectCount"]) == ("Completed", 1, 1)
    assert "notes.tif cannot be read as a GeoTIFF" in step["batchErrors"][0]
    before = site.get(f"/layers/ann.made/tile/{TILE}").headers["etag"]
    assert site.get(f"/layers/ann.made/tile/{TILE}").headers["etag"] == before
    failed = site.load("notes.tif", target={**target, "createNewService": False})
    assert failed["status"] == "Failed"
    assert "notes.tif" in failed["taskResult"]["message"]
