from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gpserver.datatypes import GPDataFile
from gpserver.errors import InvalidValue

GP_DATA_FILE = GPDataFile()


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "job" / "results"
    folder.mkdir(parents=True)
    return folder


class Sent:
    """A source of one file."""

    def __init__(self, path: Path) -> None:
        self.path, self.asked = path, list[Mapping[str, Any]]()

    def file(self, reference: Mapping[str, Any]) -> Path:
        self.asked.append(reference)
        return self.path

    def features(self, reference: Mapping[str, Any]) -> Iterator[Path]:
        return iter([self.file(reference)])


@pytest.mark.parametrize(
    ("value", "reference"),
    [
        ('{"url": "https://example.com/a.zip"}', {"url": "https://example.com/a.zip"}),
        (b'{"URL": "https://example.com/a.zip"}', {"url": "https://example.com/a.zip"}),
        ("https://example.com/a.zip", {"url": "https://example.com/a.zip"}),
        ('"https://example.com/a.zip"', {"url": "https://example.com/a.zip"}),
        ({"itemId": "i1"}, {"itemID": "i1"}),
        ("{ItemID: 'i1'}", {"itemID": "i1"}),
        ({"portalItemID": "0"}, {"portalItemID": "0"}),
        ({"url": "https://example.com/a", "token": "t"}, {"url": "https://example.com/a", "token": "t"}),
    ],
)
def test_a_file_comes_from_the_source(value: object, reference: dict[str, str], tmp_path: Path) -> None:
    source = Sent(tmp_path / "a.zip")
    assert GP_DATA_FILE.decode(value, source) == tmp_path / "a.zip"
    assert source.asked == [reference]


@pytest.mark.parametrize("value", ["", "{}", '{"url": ""}', {"url": None}, None, '{"itemID": ""}'])
def test_a_file_that_was_not_given(value: object) -> None:
    assert GP_DATA_FILE.decode(value) is None


@pytest.mark.parametrize("value", ["a.zip", {"path": "a.zip"}, "[1]", 5, "file:///etc/passwd"])
def test_a_file_that_is_nowhere(value: object) -> None:
    with pytest.raises(InvalidValue, match="is not a file; send"):
        GP_DATA_FILE.decode(value, Sent(Path("a.zip")))


def test_a_file_is_not_fetched_outside_of_a_job() -> None:
    with pytest.raises(InvalidValue, match="is read in a job only"):
        GP_DATA_FILE.decode('{"url": "https://example.com/a.zip"}')
    sent = {"url": "https://example.com/a.zip"}
    assert GP_DATA_FILE.shown('{"url": "https://example.com/a.zip"}') == sent


def test_a_file_in_the_results_folder_stays_where_it_is(results: Path) -> None:
    (results / "sub").mkdir()
    file = results / "sub" / "a.txt"
    file.write_text("a")
    assert GP_DATA_FILE.save(file, results, "Output_File").file == "sub/a.txt"
    assert [item.name for item in results.rglob("*.txt")] == ["a.txt"]


@pytest.mark.parametrize("place", ["job/scratch", "elsewhere"])
def test_a_file_from_another_place_is_brought_in_by_its_name_alone(
    results: Path, tmp_path: Path, place: str
) -> None:
    (tmp_path / place).mkdir(parents=True)
    file = tmp_path / place / "report.txt"
    file.write_text("report")
    devious = results / ".." / ".." / place / "report.txt"
    assert GP_DATA_FILE.save(str(devious), results, "Output_File").file == "report.txt"
    assert (results / "report.txt").read_text() == "report"
    assert file.exists()


def test_two_files_of_one_name_both_stay(results: Path, tmp_path: Path) -> None:
    for place in ("one", "two", "three"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "map.tif").write_text(place)
    names = [
        GP_DATA_FILE.save(tmp_path / place / "map.tif", results, "Map").file
        for place in ("one", "two", "three")
    ]
    assert names == ["map.tif", "map_2.tif", "map_3.tif"]
    assert (results / "map_3.tif").read_text() == "three"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("missing.txt", 'The file "missing.txt" that the task returned does not exist.'),
        (".", "is not a file; return one file, such as a zip."),
        (5, '"5" is not the path of a file.'),
    ],
)
def test_says_what_is_no_file(results: Path, value: object, text: str) -> None:
    with pytest.raises(InvalidValue) as raised:
        GP_DATA_FILE.save(value, results, "Output_File")
    assert text in str(raised.value)
