from pathlib import Path

import pytest

from gpserver.datatypes import GPDataFile
from gpserver.errors import InvalidValue

GP_DATA_FILE = GPDataFile()


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "job" / "results"
    folder.mkdir(parents=True)
    return folder


def test_a_file_input_is_not_read_yet() -> None:
    with pytest.raises(InvalidValue, match="File inputs are not supported by this version yet"):
        GP_DATA_FILE.decode('{"url": "https://example.com/a.zip"}')


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
