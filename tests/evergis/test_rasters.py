"""The task tiling: any raster becomes a row of a catalogue, or the reason why not."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.transform import from_origin
from rio_cogeo import cog_validate

from gpserver import JobContext
from gpserver.errors import Conflict, InvalidValue, TaskError
from gpserver.evergis.bodies import Tiling, read_body
from gpserver.evergis.rasters import tile
from gpserver.evergis.steps import Steps
from gpserver.layers import Attribute, LayerInfo, Layers, open_layers

UTM = {"crs": "EPSG:32633", "transform": from_origin(500_000, 6_000_000, 10, 10)}
NAME = "ann.scenes"


@pytest.fixture
def layers(tmp_path: Path) -> Layers:
    return open_layers(tmp_path / "layers")


def write(path: Path, values: Any, **facts: Any) -> Path:
    """A GeoTIFF of (bands, rows, columns), or of one band."""
    values = np.asarray(values)
    values = values[None] if values.ndim == 2 else values
    bands, rows, columns = values.shape
    shape = {"count": bands, "height": rows, "width": columns, "dtype": values.dtype.name}
    with rasterio.open(path, "w", driver="GTiff", **shape, **{**UTM, **facts}) as file:
        file.write(values)
    return path


def disk(side: int = 300) -> Any:
    """Sevens in a circle, zeros around it."""
    rows, columns = np.mgrid[:side, :side]
    return np.where(np.hypot(rows - side / 2, columns - side / 2) < side / 3, 7, 0).astype(np.uint8)


def load(layers: Layers, *files: Path, **fields: Any) -> dict[str, Any]:
    """Upload files and run the task; its step."""
    for path in files:
        layers.resources.add_file(path, path.name, rewrite=True)
    target = {"type": "tileFeatureLayerTaskDataStorage", "serviceName": NAME, "createNewService": True}
    body = {"target": target, "files": [path.name for path in files], "useCog": True, "polygonize": True}
    job = JobContext(layers=layers)
    steps = Steps(job, 1)
    read = read_body(json.dumps(body | fields).encode(), "tiling")
    assert isinstance(read, Tiling)
    tile(job, read, steps)
    [step] = steps.result()["stepResults"]
    return dict(step)


def kept(layers: Layers, row: int = 1) -> Path:
    return layers.rasters.path(layers.find(NAME), row)


def test_a_raster_becomes_a_cloud_optimized_geotiff(layers: Layers, tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 255, (3, 700, 1500), np.uint8)
    step = load(layers, write(tmp_path / "scene.tif", values))
    assert cog_validate(kept(layers), strict=True, quiet=True) == (True, [], [])
    with rasterio.open(kept(layers)) as file:
        assert (file.read() == values).all()
        assert file.overviews(1) == [2, 4]
        assert file.crs.to_epsg() == 32633
    # 2 x 3 blocks, 1 x 2 and 1 x 1 of the overviews.
    assert step["resultDetails"] == {"Tiles created": 9}
    assert (step["inputObjectCount"], step["outputObjectCount"], step["errorCount"]) == (1, 1, 0)
    info = layers.find(NAME)
    assert (info.kind, info.geometry_type, info.count) == ("rasters", "MultiPolygon", 1)


def test_the_number_of_levels_is_what_was_asked_for(layers: Layers, tmp_path: Path) -> None:
    load(layers, write(tmp_path / "scene.tif", np.ones((600, 600), np.uint8)), maxZoomLevel=4)
    with rasterio.open(kept(layers)) as file:
        assert file.overviews(1) == [2, 4, 8, 16]
    assert cog_validate(kept(layers), strict=True, quiet=True)[0]


def test_without_cog_it_is_tiled(layers: Layers, tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 255, (700, 700), np.uint8)
    load(layers, write(tmp_path / "scene.tif", values, tiled=False), useCog=False)
    with rasterio.open(kept(layers)) as file:
        assert (file.read(1) == values).all()
        assert file.block_shapes == [(512, 512)]
        assert file.overviews(1) == [2]


def test_a_footprint_is_that_of_the_cells_with_a_value(layers: Layers, tmp_path: Path) -> None:
    layers.create(
        LayerInfo(NAME, (Attribute("name"),), geometry_type="MultiPolygon", sr_id=32633, kind="rasters")
    )
    target = {"type": "tilingTaskDataStorage", "serviceName": NAME}
    for exact in (True, False):
        load(layers, write(tmp_path / "a.tif", disk(), nodata=0), target=target, polygonize=exact)
    part, whole = layers.read(NAME).geometry
    assert part.area == (disk() > 0).sum() * 100
    assert whole.equals(shapely.box(500_000, 5_997_000, 503_000, 6_000_000))


def test_every_way_to_say_that_there_is_no_value(layers: Layers, tmp_path: Path) -> None:
    there = disk() > 0
    floats = np.where(there, 1.5, np.nan).astype(np.float32)
    with_alpha = np.stack([disk(), disk(), disk(), np.where(there, 255, 0)]).astype(np.uint8)
    files = [
        write(tmp_path / "nan.tif", floats),
        write(tmp_path / "alpha.tif", with_alpha, photometric="RGB", alpha="YES"),
        write(tmp_path / "nodata.tif", np.where(there, 9, -5).astype(np.int16), nodata=-5),
    ]
    masked = write(tmp_path / "mask.tif", disk() + 1)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(masked, "r+") as file:
        file.write_mask(there)
    load(layers, *files, masked)
    areas = layers.read(NAME).geometry.to_crs(32633).area.tolist()
    assert areas == pytest.approx([there.sum() * 100] * 4, rel=1e-3)
    for row in (1, 2, 3, 4):
        assert cog_validate(kept(layers, row), strict=True, quiet=True)[0]
        with rasterio.open(kept(layers, row)) as file:
            assert ((file.dataset_mask() > 0) == there).all()


def test_a_palette_stays_and_its_overviews_mix_no_classes(layers: Layers, tmp_path: Path) -> None:
    colors = {7: (255, 0, 0, 255), 9: (0, 0, 255, 255)}
    classes = np.where(np.indices((1200, 1200)).sum(axis=0) % 2, 7, 9).astype(np.uint8)
    with rasterio.open(write(tmp_path / "classes.tif", classes), "r+") as file:
        file.write_colormap(1, colors)
    load(layers, tmp_path / "classes.tif")
    with rasterio.open(kept(layers)) as file:
        assert {value: file.colormap(1)[value] for value in colors} == colors
        assert set(np.unique(file.read(1, out_shape=(600, 600)))) <= {7, 9}


def test_a_rotated_raster(layers: Layers, tmp_path: Path) -> None:
    turned = Affine(8, 6, 500_000, 6, -8, 6_000_000)
    load(layers, write(tmp_path / "turned.tif", np.ones((50, 80), np.uint8), transform=turned))
    [area] = layers.read(NAME).geometry.to_crs(32633)
    corners = [turned * corner for corner in ((0, 0), (80, 0), (80, 50), (0, 50))]
    assert area.symmetric_difference(shapely.Polygon(corners)).area < 1
    assert cog_validate(kept(layers), strict=True, quiet=True)[0]


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32760"])
def test_a_footprint_is_cut_at_180_degrees(layers: Layers, tmp_path: Path, crs: str) -> None:
    degrees = from_origin(175, -10, 0.1, 0.1)
    place = degrees if crs == "EPSG:4326" else from_origin(600_000, 8_200_000, 5000, 5000)
    load(layers, write(tmp_path / "fiji.tif", np.ones((100, 100), np.uint8), crs=crs, transform=place))
    [area] = layers.read(NAME).geometry
    assert len(area.geoms) == 2
    assert area.bounds[::2] == pytest.approx((-180, 180))
    assert max(part.bounds[2] - part.bounds[0] for part in area.geoms) < 6


@pytest.mark.parametrize(
    ("crs", "place", "bounds"),
    [
        ("EPSG:4326", from_origin(0, 90, 3.6, 1.8), (-180, -90, 180, 90)),
        ("EPSG:3413", from_origin(-2e6, 2e6, 40_000, 40_000), (-180, 64.31, 180, 90)),
        ("EPSG:3031", from_origin(-2e6, 2e6, 40_000, 40_000), (-180, -90, 180, -64.31)),
    ],
)
def test_a_footprint_of_the_world_or_round_a_pole(
    layers: Layers, tmp_path: Path, crs: str, place: Affine, bounds: tuple[float, ...]
) -> None:
    load(layers, write(tmp_path / "polar.tif", np.ones((100, 100), np.uint8), crs=crs, transform=place))
    assert layers.read(NAME).total_bounds == pytest.approx(bounds, abs=0.1)
    info = LayerInfo("ann.mercator", geometry_type="MultiPolygon", sr_id=3857, kind="rasters")
    layers.create(info)
    target = {"type": "tilingTaskDataStorage", "serviceName": info.name}
    load(layers, write(tmp_path / "polar.tif", np.ones((100, 100)), crs=crs, transform=place), target=target)
    [area] = layers.read(info.name).geometry
    assert area.bounds[::2] == pytest.approx((-20_037_508, 20_037_508), abs=1)
    assert np.isfinite(area.bounds).all()


def test_attributes_are_the_same_for_every_file(layers: Layers, tmp_path: Path) -> None:
    attributes = [Attribute("name"), Attribute("dateofimage", "DateTime"), Attribute("cloud", "Double")]
    layers.create(
        LayerInfo(NAME, tuple(attributes), geometry_type="MultiPolygon", sr_id=3857, kind="rasters")
    )
    target = {"type": "tileFeatureLayerTaskDataStorage", "serviceName": NAME}
    files = [write(tmp_path / name, disk()) for name in ("a.tif", "b.tif")]
    values = {"dateofimage": "2023-12-08T15:00:00+03:00", "cloud": 0.5}
    load(layers, *files, target=target, attributes=values)
    rows = layers.read(NAME)
    assert rows["name"].tolist() == ["a.tif", "b.tif"]
    assert [str(date) for date in rows["dateofimage"]] == ["2023-12-08 12:00:00"] * 2
    assert rows["cloud"].tolist() == [0.5, 0.5]
    load(layers, write(tmp_path / "c.tif", disk()), target=target, attributes={"name": "Landsat 8"})
    assert layers.read(NAME)["name"].tolist() == ["a.tif", "b.tif", "Landsat 8"]
    with pytest.raises(InvalidValue, match="no attribute 'clouds'"):
        load(layers, write(tmp_path / "d.tif", disk()), target=target, attributes={"clouds": 1})


def bad_files(folder: Path) -> dict[str, str]:
    """Names of files that are no rasters, and what is said of each."""
    (folder / "text.tif").write_text("no raster")
    (folder / "map.tif").write_text(
        '<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        "<SourceFilename>/etc/passwd</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    whole = write(folder / "whole.tif", np.random.default_rng(1).random((300, 300))).read_bytes()
    (folder / "whole.tif").unlink()
    (folder / "torn.tif").write_bytes(whole[: len(whole) // 2])
    write(folder / "nowhere.tif", disk(), crs=None)
    write(folder / "site.tif", disk(), crs='LOCAL_CS["site",UNIT["metre",1]]')
    write(folder / "empty.tif", np.zeros((9, 9), np.uint8), nodata=0)
    write(folder / "waves.tif", np.ones((9, 9), np.complex64))
    with rasterio.open(
        folder / "bomb.tif", "w", driver="GTiff", count=1, height=200_000, width=200_000, dtype="uint8",
        sparse_ok=True, tiled=True, blockxsize=4096, blockysize=4096, bigtiff="YES", **UTM,
    ):  # fmt: skip
        pass
    with rasterio.open(
        folder / "blocks.tif", "w", driver="GTiff", count=1, height=30_000, width=30_000, dtype="uint8",
        sparse_ok=True, tiled=True, blockxsize=30_000, blockysize=30_000, **UTM,
    ):  # fmt: skip
        pass
    with zipfile.ZipFile(folder / "zeros.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.tif", bytes(30_000_000))
    with zipfile.ZipFile(folder / "notes.zip", "w") as archive:
        archive.writestr("notes.txt", "no raster")
    return {
        "text.tif": "cannot be read as a GeoTIFF",
        "map.tif": "cannot be read as a GeoTIFF",
        "torn.tif": "cannot be read as a GeoTIFF",
        "nowhere.tif": "does not say where on Earth",
        "site.tif": "lies in site",
        "empty.tif": "no cell with a value",
        "waves.tif": "real numbers are needed",
        "bomb.tif": "40000000000 values",
        "blocks.tif": "A block of blocks.tif has 858 MB",
        "zeros.zip": "too large when it is unpacked",
        "notes.zip": "no file with one of .tif",
    }


def test_bad_files_do_not_end_the_work_on_the_others(layers: Layers, tmp_path: Path) -> None:
    bad = bad_files(tmp_path)
    good = write(tmp_path / "good.tif", disk())
    files = [tmp_path / name for name in bad]
    for path in (*files, good):
        layers.resources.add_file(path, path.name)
    names = [*bad, "good.tif", "gone.tif"]
    step = load(layers, files=names)
    assert (step["inputObjectCount"], step["outputObjectCount"], step["errorCount"]) == (13, 1, 12)
    for text, (name, reason) in zip(
        step["batchErrors"], (bad | {"gone.tif": "no file"}).items(), strict=True
    ):
        assert name in text
        assert reason in text
        assert str(tmp_path) not in text
    assert [path.name for path in kept(layers).parent.iterdir()] == ["1.tif"]


def test_when_no_file_can_be_taken_the_task_fails(layers: Layers, tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("no raster")
    with pytest.raises(TaskError, match=r"text\.tif cannot be read as a GeoTIFF"):
        load(layers, tmp_path / "text.tif")
    with pytest.raises(Conflict):
        load(layers, write(tmp_path / "good.tif", disk()))


def test_an_archive_may_hold_several(layers: Layers, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "scenes.zip", "w") as archive:
        for name in ("b.tif", "a.TIF"):
            archive.write(write(tmp_path / name, disk()), f"scenes/{name}")
        archive.writestr("scenes/readme.txt", "two scenes")
    load(layers, tmp_path / "scenes.zip")
    assert sorted(layers.read(NAME)["name"]) == ["a.TIF", "b.tif"]


def test_only_catalogues_of_rasters_take_them(layers: Layers, tmp_path: Path) -> None:
    layers.create(LayerInfo(NAME, geometry_type="Polygon", sr_id=4326))
    with pytest.raises(InvalidValue, match=r"ann\.scenes is no catalogue of rasters"):
        load(
            layers,
            write(tmp_path / "a.tif", disk()),
            target={"type": "tilingTaskDataStorage", "serviceName": NAME},
        )


def test_values_are_stretched_from_the_darkest_to_the_brightest_band(layers: Layers, tmp_path: Path) -> None:
    ramp = np.linspace(0, 1000, 101 * 101).reshape(101, 101)
    bands = np.stack([ramp + 500, ramp, np.full_like(ramp, 60_000)]).astype(np.uint16)
    bands[2, 1:] = 700
    load(layers, write(tmp_path / "landsat.tif", bands))
    assert layers.rasters.span(layers.find(NAME), 1) == pytest.approx((20, 1480), abs=2)
    load(
        layers,
        write(tmp_path / "photo.tif", disk()),
        target={"type": "tilingTaskDataStorage", "serviceName": NAME},
    )
    assert layers.rasters.span(layers.find(NAME), 2) is None


def test_files_go_with_their_rows(layers: Layers, tmp_path: Path) -> None:
    load(layers, *(write(tmp_path / name, disk().astype(np.int16)) for name in ("a.tif", "b.tif")))
    first, second = kept(layers, 1), kept(layers, 2)
    layers.delete(NAME, [1])
    assert not first.exists()
    assert second.exists()
    layers.drop(NAME)
    assert not second.parent.exists()
