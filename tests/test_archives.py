"""Archives: what is unpacked, and what never is."""

import io
import stat
import zipfile
from pathlib import Path

import pytest

from gpserver.archives import found_in, unpack
from gpserver.errors import InvalidValue

SHAPE = ((".shp", ".gpkg"), (".json", ".txt"))


def archive(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as target:
        for name, content in files.items():
            target.writestr(name, content)
    return path


def altered(path: Path, name: str, **facts: int) -> Path:
    """An archive of one entry with facts of its header."""
    entry = zipfile.ZipInfo(name)
    for fact, value in facts.items():
        setattr(entry, fact, value)
    with zipfile.ZipFile(path, "w") as target:
        target.writestr(entry, b"x")
    return path


def test_a_file_that_is_no_archive_is_itself(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    file.write_bytes(b"{}")
    assert found_in(file, *SHAPE) == file


def test_the_dataset_of_an_archive_with_all_its_files(tmp_path: Path) -> None:
    files = {
        "data/roads.shp": b"1",
        "data/roads.dbf": b"2",
        "readme.txt": b"3",
        "__MACOSX/data/._roads.shp": b"4",
    }
    found = found_in(archive(tmp_path / "upload", files), *SHAPE)
    assert found.name == "roads.shp"
    assert found.is_relative_to(tmp_path / "upload.unpacked")
    assert found.with_suffix(".dbf").read_bytes() == b"2"


def test_names_in_capitals(tmp_path: Path) -> None:
    assert found_in(archive(tmp_path / "a.zip", {"ROADS.SHP": b"1"}), *SHAPE).name == "ROADS.SHP"


@pytest.mark.parametrize("names", [["a.shp", "b.shp"], ["a.shp", "b.gpkg"], ["a.pdf"], []])
def test_not_exactly_one_dataset(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(
        InvalidValue, match=r"must hold exactly one of \.shp, \.gpkg, \.json, \.txt; it holds"
    ):
        found_in(archive(tmp_path / "a.zip", dict.fromkeys(names, b"")), *SHAPE)


@pytest.mark.parametrize(
    "name",
    [
        "../a.shp",
        "/etc/a.shp",
        "a/../../b.shp",
        "..\\a.shp",
        "C:\\a.shp",
        "c:a.shp",
        "a\nb.shp",
        "\\\\host\\a.shp",
    ],
)
def test_names_that_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidValue, match="outside of its folder"):
        found_in(altered(tmp_path / "a.zip", name), *SHAPE)
    assert {path.name for path in tmp_path.rglob("*")} == {"a.zip", "a.zip.unpacked"}


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices(tmp_path: Path, kind: int) -> None:
    with pytest.raises(InvalidValue, match="a link or a device"):
        found_in(altered(tmp_path / "a.zip", "a.shp", external_attr=(kind | 0o777) << 16), *SHAPE)


def test_a_name_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("a.shp", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            target.writestr("a.shp", b"2")
    with pytest.raises(InvalidValue, match="cannot be unpacked"):
        found_in(path, *SHAPE)


def test_a_bomb(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"a.json": bytes(60_000_000)})
    assert path.stat().st_size < 100_000
    with pytest.raises(InvalidValue, match="too large when it is unpacked"):
        found_in(path, *SHAPE)
    assert sum(file.stat().st_size for file in tmp_path.rglob("*.json")) <= 25_000_000


def test_a_bomb_that_lies_about_its_size(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"a.json": bytes(60_000_000)})
    size = (60_000_000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (10).to_bytes(4, "little")))
    with pytest.raises(InvalidValue, match=r"too large when|cannot be unpacked"):
        found_in(path, *SHAPE)


def test_a_bomb_of_many_files_and_one_in_another(tmp_path: Path) -> None:
    many = archive(tmp_path / "many.zip", {f"{n}.txt": b"" for n in range(1001)})
    with pytest.raises(InvalidValue, match="1001 entries; 1000 are allowed"):
        found_in(many, *SHAPE)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("b.json", bytes(1000))
    outer = archive(tmp_path / "outer.zip", {"inner.zip": inner.getvalue(), "a.json": b"{}"})
    assert found_in(outer, *SHAPE).name == "a.json"
    assert [path.name for path in tmp_path.rglob("b.json")] == []


def test_what_is_damaged_or_encrypted(tmp_path: Path) -> None:
    sound = archive(tmp_path / "a.zip", {"a.json": b"{}" * 1000}).read_bytes()
    for number, broken in enumerate((sound[:-30], sound[:60], sound.replace(b"{}", b"[]"), sound[:4])):
        path = tmp_path / f"{number}.zip"
        path.write_bytes(broken if broken != sound else sound[:40] + b"\xff" + sound[41:])
        with pytest.raises(InvalidValue, match="cannot be unpacked"):
            list(unpack(path, tmp_path / str(number)))
    locked = tmp_path / "locked.zip"
    at = sound.rindex(b"PK\x01\x02") + 8
    locked.write_bytes(sound[:6] + b"\x01" + sound[7:at] + b"\x01" + sound[at + 1 :])
    with pytest.raises(InvalidValue, match="encrypted"):
        list(unpack(locked, tmp_path / "locked"))
