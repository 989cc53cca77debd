"""Uploaded files on disk: whole and in parts, limits, and what sweeps them away."""

import hashlib
import os
import threading
import time
from pathlib import Path

import pytest

from gpserver.errors import InvalidRequest, NotFound, ServerBusy, TooLarge
from gpserver.space import Space
from gpserver.uploads import Upload, Uploads, file_name


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "uploads", 1000, ["txt", ".ZIP"])


def piece(folder: Path, content: bytes) -> Path:
    path = folder / f"piece-{time.perf_counter_ns()}"
    path.write_bytes(content)
    return path


def test_a_whole_file(uploads: Uploads, tmp_path: Path) -> None:
    item = uploads.add(piece(tmp_path, b"hello"), "Ä b.TXT", "some text", "Folder/Tools", "anna")
    assert uploads.get(item.id.upper()) == item
    assert (item.name, item.description, item.service, item.owner) == (
        "Ä b.TXT",
        "some text",
        "Folder/Tools",
        "anna",
    )
    assert item.committed
    assert len(item.id) == 37
    assert uploads.content(item).read_bytes() == b"hello"
    assert uploads.parts(item) == []
    assert list(uploads.all()) == [item]
    assert [path.name for path in tmp_path.iterdir()] == ["uploads"]


def test_a_file_in_parts(uploads: Uploads, tmp_path: Path) -> None:
    item = uploads.register("a.zip")
    assert not item.committed
    with pytest.raises(NotFound, match="not committed"):
        uploads.content(item)
    for number, content in ((10, b"C"), (2, b"B"), (1, b"x"), (1, b"A")):
        uploads.add_part(item, number, piece(tmp_path, content))
    assert uploads.parts(item) == [1, 2, 10]
    done = uploads.commit(item)
    assert done.committed
    assert uploads.get(item.id) == done
    assert uploads.content(done).read_bytes() == b"ABC"
    assert uploads.parts(done) == []


def test_the_order_of_parts_and_a_checksum(uploads: Uploads, tmp_path: Path) -> None:
    item = uploads.register("a.zip")
    for number in (0, 1, 2):
        uploads.add_part(item, number, piece(tmp_path, b"%d" % number))
    with pytest.raises(InvalidRequest, match="parts 7, 9 of the item were not sent"):
        uploads.commit(item, [0, 7, 9])
    with pytest.raises(InvalidRequest, match="The MD5 of the parts is"):
        uploads.commit(item, checksum="0" * 32)
    with pytest.raises(InvalidRequest, match="not nonsense"):
        uploads.commit(item, checksum="nonsense")
    done = uploads.commit(item, [2, 0], hashlib.sha256(b"20").hexdigest().upper())
    assert uploads.content(done).read_bytes() == b"20"


def test_what_is_committed_takes_no_more(uploads: Uploads, tmp_path: Path) -> None:
    item = uploads.register("a.txt")
    with pytest.raises(InvalidRequest, match="parts 0 of the item were not sent"):
        uploads.commit(item)
    uploads.add_part(item, 1, piece(tmp_path, b"1"))
    done = uploads.commit(item)
    for known in (item, done):
        with pytest.raises(InvalidRequest, match="committed"):
            uploads.add_part(known, 2, piece(tmp_path, b"2"))
        with pytest.raises(InvalidRequest, match=r"committed|not sent"):
            uploads.commit(known)
    assert uploads.content(done).read_bytes() == b"1"


def test_limits(uploads: Uploads, tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="1001 bytes; this server takes up to 1000"):
        uploads.add(piece(tmp_path, bytes(1001)), "a.txt")
    item = uploads.register("a.txt")
    uploads.add_part(item, 1, piece(tmp_path, bytes(600)))
    uploads.add_part(item, 1, piece(tmp_path, bytes(500)))
    with pytest.raises(TooLarge, match="1001 bytes"):
        uploads.add_part(item, 2, piece(tmp_path, bytes(501)))
    with pytest.raises(TooLarge, match="1500 bytes"):
        uploads.commit(item, [1, 1, 1])
    for number in (-1, 10_001):
        with pytest.raises(InvalidRequest, match="from 0 to 10000"):
            uploads.add_part(item, number, piece(tmp_path, b""))


@pytest.mark.parametrize(
    "name", ["a.exe", "txt", "a.txt.", "a.txt.html", "", "a.", "..", "a.txt/b", "a.zip\x00.php"]
)
def test_types_that_are_not_taken(uploads: Uploads, tmp_path: Path, name: str) -> None:
    if name == "a.txt.":  # the point at the end is not part of a name
        assert uploads.register(name).name == "a.txt"
        return
    with pytest.raises(InvalidRequest, match="are not taken; send one of txt, zip"):
        uploads.add(piece(tmp_path, b""), name)
    with pytest.raises(InvalidRequest, match="are not taken"):
        uploads.register(name)
    assert list(uploads.all()) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("lake.tif", "lake.tif"),
        ("C:\\Users\\me\\my lake.tif", "my lake.tif"),
        ("../../etc/passwd", "passwd"),
        (".htaccess", "htaccess"),
        ('a"b\r\nc;d.txt', "a_b__c_d.txt"),
        ("länder.geojson", "länder.geojson"),
        ("..", "file"),
        ("", "file"),
        ("x" * 300 + ".geojson", "x" * 50 + ".geojson"),
        ("\N{OLD ITALIC LETTER A}" * 300 + ".txt", "\N{OLD ITALIC LETTER A}" * 50 + ".txt"),
    ],
)
def test_names_that_a_disk_and_a_header_can_hold(text: str, name: str) -> None:
    assert file_name(text) == name
    assert len(name.encode()) < 255


@pytest.mark.parametrize(
    "item_id", ["", "i", "../x", "i" + "0" * 36, "i12345678-1234-1234-1234-123456789abc"]
)
def test_an_item_that_is_not_there(uploads: Uploads, item_id: str) -> None:
    with pytest.raises(NotFound, match="There is no uploaded item"):
        uploads.get(item_id)


def test_a_deleted_item_leaves_the_copy_that_a_job_has(uploads: Uploads, tmp_path: Path) -> None:
    item = uploads.add(piece(tmp_path, b"hello"), "a.txt")
    os.link(uploads.content(item), tmp_path / "copy")
    uploads.delete(item)
    uploads.delete(item)
    with pytest.raises(NotFound):
        uploads.get(item.id)
    assert (tmp_path / "copy").read_bytes() == b"hello"
    assert not (tmp_path / "copy").stat().st_mode & 0o222
    assert list((tmp_path / "uploads").iterdir()) == []


def test_the_sweep_takes_what_is_old_complete_or_not(uploads: Uploads, tmp_path: Path) -> None:
    whole, registered, started = (
        uploads.add(piece(tmp_path, b""), "a.txt"),
        uploads.register("b.txt"),
        uploads.register("c.txt"),
    )
    for item in (whole, registered, started):
        for path in (tmp_path / "uploads" / item.id).rglob("*"):
            os.utime(path, (1, 1))
        os.utime(tmp_path / "uploads" / item.id, (1, 1))
    uploads.add_part(started, 1, piece(tmp_path, b"still coming"))
    uploads.sweep(time.time() - 3600)
    assert list(uploads.all()) == [started]


def test_the_sweep_of_a_folder_that_is_not_there(tmp_path: Path) -> None:
    Uploads(tmp_path / "none").sweep(time.time())


def test_parts_that_come_at_once(uploads: Uploads, tmp_path: Path) -> None:
    item = uploads.register("a.txt")
    pieces = [piece(tmp_path, b"%02d" % number) for number in range(40)]
    threads = [
        threading.Thread(target=uploads.add_part, args=(item, n, path)) for n, path in enumerate(pieces)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert uploads.content(uploads.commit(item)).read_bytes() == b"".join(b"%02d" % n for n in range(40))


def test_the_space_of_a_user_and_of_all(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads", 10**6, ["txt"])
    uploads.space = Space(total=250_000, each=150_000)

    def add(size: int, owner: str) -> Upload:
        file = tmp_path / "file"
        file.write_bytes(bytes(size))
        return uploads.add(file, "a.txt", owner=owner)

    first = add(100_000, "ann")
    with pytest.raises(ServerBusy, match="150,000 bytes together"):
        add(100_000, "ann")
    parts = uploads.register("b.txt", owner="bob")
    (tmp_path / "part").write_bytes(bytes(100_000))
    uploads.add_part(parts, 1, tmp_path / "part")
    with pytest.raises(ServerBusy, match="250,000 bytes, and no more"):
        add(50_000, "")
    uploads.delete(first)
    assert add(100_000, "ann").owner == "ann"
