"""Objects in an S3 that is slow, busy and cut off; files that come over in pieces."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from objectstore import Bucket

from gpserver.errors import NotFound
from gpserver.objects import Objects, Pieces, StoreFailed
from gpserver.objects.pieces import BLOCK

CONTENT = np.random.default_rng(7).bytes(20_000_003)


@pytest.fixture
def objects(bucket: Bucket) -> Iterator[Objects]:
    yield Objects(bucket.url)
    bucket.proxy.fault = lambda method, path: None


@pytest.fixture(scope="module")
def large(bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of an object of 20 MB, stored in parts."""
    path = tmp_path_factory.mktemp("large") / "content"
    path.write_bytes(CONTENT)
    Objects(bucket.url).put("jobs/a/large.arrow", path)
    return "jobs/a/large.arrow"


def test_a_file_is_there_again_byte_for_byte(
    objects: Objects, bucket: Bucket, large: str, tmp_path: Path
) -> None:
    objects.get(large, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == CONTENT
    assert objects.size(large) == len(CONTENT)
    assert max(item.sent for item in bucket.proxy.gets()) <= 8 << 20, "memory is bounded"


def test_deleting_a_folder_spares_its_neighbours(objects: Objects) -> None:
    for name in ("jobs/b/one", "jobs/b/deep/two", "jobs/bb/three"):
        objects.write(name, name.encode())
    objects.delete("jobs/b")
    objects.delete("jobs/absent")
    assert [entry.name for entry in objects.entries("jobs/bb")] == ["jobs/bb/three"]
    assert not list(objects.entries("jobs/b"))
    with pytest.raises(NotFound, match="jobs/b/one"):
        objects.read("jobs/b/one")


@pytest.mark.parametrize("fault", ["busy", "cut", "lost"])
def test_what_fails_for_a_moment_is_tried_again(
    objects: Objects, bucket: Bucket, large: str, tmp_path: Path, fault: str
) -> None:
    requests = count()
    bucket.proxy.fault = lambda method, path: fault if next(requests) % 3 == 0 else None
    objects.get(large, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == CONTENT
    objects.put("jobs/c/again", tmp_path / "again")
    bucket.proxy.fault = lambda method, path: None
    assert objects.size("jobs/c/again") == len(CONTENT)


def test_an_upload_that_breaks_off_for_good_leaves_nothing(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpserver.objects.store._TRIES", 2)
    objects, parts = Objects(bucket.url), count()
    (tmp_path / "file").write_bytes(CONTENT)
    bucket.proxy.fault = lambda method, path: "busy" if method == "PUT" and next(parts) > 1 else None
    with pytest.raises(StoreFailed, match=r"jobs/d/half.*503"):
        objects.put("jobs/d/half", tmp_path / "file")
    bucket.proxy.fault = lambda method, path: None
    assert "jobs/d/half" not in bucket.names()


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("s3://box?endpoin=x", "endpoin"),
        ("ftp://box", "ftp"),
        ("box", "not the URL"),
    ],
)
def test_a_url_that_is_none_says_so(url: str, text: str) -> None:
    with pytest.raises(StoreFailed, match=text):
        Objects(url)


def test_pieces_come_over_once_and_only_where_needed(
    objects: Objects, bucket: Bucket, large: str, tmp_path: Path
) -> None:
    path = tmp_path / "cache" / "large.arrow"
    Pieces.expect(path, objects, large)
    pieces = Pieces.at(path)
    assert pieces
    bucket.proxy.exchanges.clear()
    assert pieces.read(5_000_000, 5_000_100) == CONTENT[5_000_000:5_000_100]
    assert [item.sent for item in bucket.proxy.gets()] == [BLOCK]
    other = Pieces.at(path)  # as another process of the machine sees it
    assert other
    assert other.read(5_000_050, 5_000_060) == CONTENT[5_000_050:5_000_060]
    assert len(bucket.proxy.gets()) == 1
    assert path.stat().st_blocks * 512 < 10 * BLOCK
    other.need_all()
    assert pieces.bytes.tobytes() == CONTENT
    assert sum(item.sent for item in bucket.proxy.gets()) <= len(CONTENT) + BLOCK


def test_scattered_pieces_of_every_size(objects: Objects, large: str, tmp_path: Path) -> None:
    random = np.random.default_rng(11)
    Pieces.expect(tmp_path / "large", objects, large)
    pieces = Pieces.at(tmp_path / "large")
    assert pieces
    for size in (1, BLOCK, 3 * BLOCK + 1, 0):
        starts = random.integers(0, len(CONTENT) - size, 20)
        pieces.need(starts, starts + size)
        for start in starts.tolist():
            assert pieces.bytes[start : start + size].tobytes() == CONTENT[start : start + size]
    assert pieces.read(len(CONTENT) - 3, len(CONTENT)) == CONTENT[-3:]


def test_pieces_that_do_not_come_are_an_error_and_never_zeros(
    bucket: Bucket, large: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpserver.objects.store._TRIES", 1)
    Pieces.expect(tmp_path / "large", Objects(bucket.url + "&"), large)
    pieces = Pieces.at(tmp_path / "large")
    assert pieces
    bucket.proxy.fault = lambda method, path: "cut" if method == "GET" else None
    with pytest.raises(StoreFailed):
        pieces.read(100, 200)
    bucket.proxy.fault = lambda method, path: None
    assert pieces.read(100, 200) == CONTENT[100:200]
