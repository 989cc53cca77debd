"""The studio with real processes: what is drawn once, what is refused, and what is served."""

import os
from concurrent.futures import wait
from dataclasses import replace

import geopandas as gpd
import pytest
from PIL import Image
from shapely import box

from gpserver.errors import GPServerError, InvalidRequest
from gpserver.features import Layer, write_layer
from gpserver.maps.picture import Picture, Reading, Swatch
from gpserver.maps.studio import Studio

PATIENCE = 60
FILL = {"type": "esriSFS", "style": "esriSFSSolid", "color": [200, 30, 30, 255]}
EMPTY = Picture([], (0, 0, 10, 10), 40, 30, {"wkid": 4326}, "png32")


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio") / "pictures"
    studio = Studio(folder, slots=1)
    studio.start()
    yield studio
    studio.close()


def drawn(studio, order):
    return studio.draw(order).result(PATIENCE)


def test_a_layer_is_drawn(studio, tmp_path):
    layer = tmp_path / "layer.arrow"
    write_layer(gpd.GeoDataFrame(geometry=[box(0, 0, 5, 10)], crs=4326), layer)
    drawing = {"renderer": {"type": "simple", "symbol": FILL}}
    path = drawn(studio, replace(EMPTY, sheets=[{"path": str(layer), "drawing": drawing}], width=30))
    with Image.open(path) as picture:
        assert picture.size == (30, 30)
        assert picture.getpixel((5, 15)) == (200, 30, 30, 255)
        assert picture.getpixel((25, 15))[3] == 0


def test_a_picture_is_drawn_once_while_it_is_kept(studio):
    first = drawn(studio, EMPTY)
    inode = first.stat().st_ino  # a picture that is drawn again is another file
    again = studio.draw(replace(EMPTY))
    assert again.done()
    assert again.result() == first
    assert first.stat().st_ino == inode
    first.unlink()
    assert drawn(studio, EMPTY) == first
    assert first.is_file()


def test_equal_orders_share_a_future_until_it_is_drawn(studio):
    order = replace(EMPTY, width=2000, height=1500)
    futures = [studio.draw(replace(order)) for _ in range(5)]
    assert len(set(map(id, futures))) == 1
    assert futures[0].result(PATIENCE).is_file()


def test_other_orders_are_other_files(studio):
    orders = [replace(EMPTY, **{name: value}) for name, value in (("dpi", 120.0), ("format", "jpg"))]
    orders += [EMPTY, replace(EMPTY, rotation=5.0), replace(EMPTY, width=41), Swatch(FILL, 20, 20)]
    futures = [studio.draw(order) for order in orders]
    wait(futures, PATIENCE)
    paths = {future.result() for future in futures}
    assert len(paths) == len(orders)
    assert {path.suffix[:4] for path in paths} == {".png", ".jpg"}
    assert all(studio.picture(path.name) == path for path in paths)


def test_a_bad_order_is_told_and_leaves_no_file(studio):
    drawing = {"renderer": {"type": "simple", "symbol": {"type": "esriNone"}}}
    order = replace(EMPTY, sheets=[{"path": "", "drawing": drawing}, {"path": "", "drawing": {}}])
    assert drawn(studio, order).is_file()  # sheets without features say nothing
    bad = Swatch({"type": "esriXYZ"}, 20, 20)
    for _ in range(2):  # it is not kept that it failed
        with pytest.raises(InvalidRequest, match="esriXYZ"):
            drawn(studio, bad)
    assert drawn(studio, EMPTY).is_file()


def test_what_breaks_inside_is_an_error_and_the_next_picture_is_drawn(studio, tmp_path):
    broken = tmp_path / "broken.arrow"
    broken.write_bytes(b"no layer")
    drawing = {"renderer": {"type": "simple", "symbol": FILL}}
    with pytest.raises(GPServerError, match="could not be drawn"):
        drawn(studio, replace(EMPTY, sheets=[{"path": str(broken), "drawing": drawing}]))
    assert drawn(studio, replace(EMPTY, width=44)).is_file()


def test_only_pictures_are_served(studio):
    path = drawn(studio, EMPTY)
    (path.parent.parent / "secret").write_text("secret")
    assert studio.picture(path.name) == path
    for name in ("../secret", "..", ".", "", str(path.parent.parent / "secret"), "nothing.png", "a/../b.png"):
        assert studio.picture(name) is None, name
    assert studio.picture(f"../{path.parent.name}/{path.name}") is None


def test_old_pictures_of_a_former_studio_are_gone(tmp_path):
    for name in ("old.png", "new.png"):
        (tmp_path / name).write_bytes(b"")
    os.utime(tmp_path / "old.png", (1, 1))
    studio = Studio(tmp_path, slots=1)
    studio.start()
    assert [path.name for path in tmp_path.iterdir()] == ["new.png"]
    studio.close()


def test_a_closed_studio_draws_no_more(tmp_path):
    studio = Studio(tmp_path, slots=1)
    studio.start()
    kept = drawn(studio, EMPTY)
    open_ = [studio.draw(replace(EMPTY, width=3000 + n, height=3000)) for n in range(4)]
    studio.close()
    for future in [*open_, studio.draw(replace(EMPTY, width=50)), studio.draw(replace(EMPTY, width=50))]:
        error = future.exception(PATIENCE)
        assert error is None or isinstance(error, GPServerError)
    assert isinstance(open_[-1].exception(), GPServerError)
    assert studio.draw(EMPTY).result(0) == kept
    studio.close()


def test_a_studio_that_never_drew_closes(tmp_path):
    studio = Studio(tmp_path, slots=1)
    studio.start()
    studio.close()
    assert isinstance(studio.draw(EMPTY).exception(0), GPServerError)


def test_features_as_they_were_sent_become_a_layer(studio, tmp_path):
    text = '{"geometryType":"esriGeometryPoint","features":[{"geometry":{"x":1,"y":2},"attributes":{"a":3}}]}'
    (tmp_path / "sent.json").write_text(text)
    for order in (
        Reading("GPFeatureRecordSetLayer", text),
        Reading("GPFeatureRecordSetLayer", file=str(tmp_path / "sent.json")),
    ):
        layer = Layer.open(drawn(studio, order))
        assert (layer.rows, layer.geometry_type) == (1, "esriGeometryPoint")
        assert layer.column("a").to_pylist() == [3]


@pytest.mark.parametrize("text", ["nonsense", "", '{"url":"http://127.0.0.1/0"}', '{"features":7}'])
def test_what_cannot_be_read_is_told(studio, text):
    with pytest.raises(InvalidRequest):
        drawn(studio, Reading("GPFeatureRecordSetLayer", text))
