"""JSON text: large bodies, relaxed JSON, and the garbage collector meanwhile."""

import gc
import json
import threading
from typing import Any

import geopandas as gpd
import pytest
from geopandas.testing import assert_geodataframe_equal

from gpserver.errors import InvalidValue
from gpserver.features import decode_features, decode_table
from gpserver.features.parse import gc_paused, read_json

LARGE = 5_000_000


@pytest.fixture(scope="module")
def features() -> list[dict[str, Any]]:
    """More than one chunk of polylines with text between them."""
    return [
        {
            "symbol": None,
            "attributes": {"n": n, "text": 'a [bracket] and a "quote"' * 25},
            "geometry": {"paths": [[[n, 0, 1], [n, 1, 2]], [[n, 5, 3], [n, 6, 4]]]} if n % 10 else None,
        }
        for n in range(10_000)
    ]


def frame_of(features: list[dict[str, Any]]) -> gpd.GeoDataFrame:
    return decode_features({"features": features, "spatialReference": {"wkid": 4326}, "hasZ": True})


@pytest.mark.parametrize(
    "wrap",
    [
        lambda fs: {
            "junk": [{"features": 1}],
            "hasZ": True,
            "spatialReference": {"wkid": 4326},
            "features": fs,
        },
        lambda fs: {"featureSet": {"features": fs}, "layerDefinition": {"spatialReference": {"wkid": 4326}}},
        lambda fs: {"layers": [{"featureSet": {"features": fs, "sr": 4326, "Fields": None}}]},
    ],
)
def test_large_bodies_read_like_small_ones(wrap: Any, features: list[dict[str, Any]]) -> None:
    text = json.dumps(wrap(features))
    assert len(text) > LARGE
    assert_geodataframe_equal(decode_features(text), frame_of(features))


def test_a_large_list_of_rows() -> None:
    rows = [{"a": "x" * 1000}] * 6000
    assert len(decode_table(json.dumps(rows))) == 6000


def test_a_large_single_geometry() -> None:
    path = [[n / 7, n / 3] for n in range(150_000)]
    assert len(decode_features(json.dumps({"paths": [path]})).geometry[0].coords) == 150_000


def test_the_place_of_an_error_is_told(features: list[dict[str, Any]]) -> None:
    with pytest.raises(InvalidValue, match=r"line 2, column \d"):
        decode_features('{"features":\n[1, 2')
    text = json.dumps({"features": features})
    with pytest.raises(InvalidValue, match="line 1, column"):
        decode_features(text[:-10])


def test_relaxed_json_is_for_small_bodies() -> None:
    relaxed = "{features: [{geometry: {x: 1, y: NaN,},}, {geometry: {'x': 1, y: .5}}]} // two"
    assert decode_features(relaxed).geometry.isna().tolist() == [True, False]
    with pytest.raises(InvalidValue, match="Not valid JSON"):
        decode_features(relaxed + " " * 1_000_000)


@pytest.mark.parametrize("text", ["[" * 100_000, "{a:" * 5_000, b"\xff\xfe", "nonsense", "\ud800"])
def test_hostile_text_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidValue):
        decode_features(text)


@pytest.mark.parametrize("text", ["{a: " * 300, "[" * 300, "{a: 1" + "0" * 30 + "}", "{a: '\\ud800'}"])
def test_relaxed_json_that_could_not_be_written_again_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="Not valid JSON"):
        read_json(text)


def test_the_collector_is_paused_and_comes_back() -> None:
    assert gc.isenabled()
    with gc_paused():
        with gc_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_the_collector_comes_back_after_an_error() -> None:
    with pytest.raises(InvalidValue):
        decode_features("{")
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with gc_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_threads_share_the_pause() -> None:
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with gc_paused():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(10)
    with gc_paused():
        pass
    assert not gc.isenabled()
    leave.set()
    thread.join()
    assert gc.isenabled()


def test_words_of_python_are_read_where_they_are_no_text() -> None:
    text = "[['None', None, {'a': True, \"False\": False}, 'it\\'s None', 'Nonesuch']]"
    expected = [["None", None, {"a": True, "False": False}, "it's None", "Nonesuch"]]
    assert read_json(text) == expected
    for hostile in ("[" + "\\'" * 300_000, "[" + '"' * 300_001, "None" * 200_000):
        with pytest.raises(InvalidValue):
            read_json(hostile)
