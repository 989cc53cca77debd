"""Tables that people keep as text or workbooks, whose columns get the types that all of their values have."""

import csv
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gpserver.errors import InvalidValue
from gpserver.layers.columns import NULLABLE, write_column
from gpserver.layers.info import free_names
from gpserver.layers.options import FileOptions

_DELIMITERS = ",;\t|"
_ENCODINGS = ("utf-8-sig", "cp1251")
_FAILURES = (ValueError, KeyError, OSError, BadZipFile, csv.Error)
# A number with a leading zero is a code, and stays one.
_WHOLE = r"^-?(0|[1-9]\d*)$"
_REAL = r"^-?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][-+]?\d+)?$"
_TRUTH = r"^(?i:true|false)$"
_MOMENT = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[-+]\d\d:?\d\d)?)?$"
_KINDS = ((_WHOLE, "Int64", pa.int64()), (_REAL, "Double", pa.float64()))
_OTHERS = ((_TRUTH, "Boolean", pa.bool_()), (_MOMENT, "DateTime", pa.timestamp("us")))


def sheets(path: Path) -> list[str]:
    """The names of the sheets of a workbook; a text has none.

    Raises:
        InvalidValue: It is no workbook.
    """
    if path.suffix.lower() != ".xlsx":
        return []
    try:
        with pd.ExcelFile(path, engine="openpyxl") as book:
            return [str(name) for name in book.sheet_names]
    except _FAILURES as error:
        raise InvalidValue(f"{path.name[-80:]} is no workbook: {str(error)[:200]}") from error


def read(path: Path, options: FileOptions) -> pd.DataFrame:
    """The rows of a text or of a sheet.

    Raises:
        InvalidValue: It cannot be read, or has no such sheet or row.
    """
    cells = _sheet(path, options) if path.suffix.lower() == ".xlsx" else _text(path, options)
    if cells.empty:
        raise InvalidValue(f"{path.name[-80:]} has no row {options.name_row}, which should have the names.")
    names = [str(value).strip() if pd.notna(value) else "" for value in cells.iloc[0]]
    first = max(options.first_row, options.name_row + 1, options.alias_row + 1)
    rows = cells.iloc[first - options.name_row :].reset_index(drop=True)
    labels = free_names(name or f"field_{place + 1}" for place, name in enumerate(names))
    columns = {label: _typed(rows.iloc[:, place]) for place, label in enumerate(labels)}
    return pd.DataFrame(columns, columns=labels)


def write(frame: pd.DataFrame, path: Path, delimiter: str = "", coordinates: Sequence[str] = ()) -> None:
    """Write a table; geometry becomes well-known text, or two columns of numbers where they have names.

    Raises:
        InvalidValue: Coordinates of other geometries than points are wanted, or the sheet would be too long.
    """
    table = _flat(frame, coordinates) if isinstance(frame, gpd.GeoDataFrame) else frame
    if path.suffix.lower() != ".xlsx":
        sign = delimiter or ("\t" if path.suffix.lower() == ".tsv" else ",")
        table.to_csv(path, sep=sign, index=False, encoding="utf-8", date_format="%Y-%m-%dT%H:%M:%S.%fZ")
        return
    try:
        table.to_excel(path, index=False, engine="openpyxl")
    except ValueError as error:
        raise InvalidValue(f"The rows do not fit into a sheet: {str(error)[:200]}") from error


def _flat(frame: gpd.GeoDataFrame, coordinates: Sequence[str]) -> pd.DataFrame:
    table, shapes = pd.DataFrame(frame.drop(columns=frame.geometry.name)), frame.geometry
    if len(coordinates) != 2:
        return table.assign(**{coordinates[0] if coordinates else "geometry": shapes.to_wkt()})
    if not set(shapes.geom_type.dropna()) <= {"Point"}:
        raise InvalidValue("Only points have two columns of coordinates; ask for well-known text.")
    return table.assign(**{coordinates[0]: shapes.x, coordinates[1]: shapes.y})


def _sheet(path: Path, options: FileOptions) -> pd.DataFrame:
    """The cells from the row of names on."""
    try:
        cells: pd.DataFrame = pd.read_excel(
            path, sheet_name=options.layer or 0, header=None, dtype=object, engine="openpyxl", na_values=[""]
        )
    except _FAILURES as error:
        raise InvalidValue(f"{path.name[-80:]} cannot be read: {str(error)[:200]}") from error
    return cells.iloc[options.name_row - 1 :]


def _text(path: Path, options: FileOptions) -> pd.DataFrame:
    """The cells from the line of names on."""
    for encoding in (options.encoding,) if options.encoding else _ENCODINGS:
        try:
            delimiter = options.delimiter or _delimiter(path, encoding, options.name_row)
            cells: pd.DataFrame = pd.read_csv(
                path,
                sep=delimiter,
                header=None,
                dtype=str,
                encoding=encoding,
                keep_default_na=False,
                na_values=[""],
                skip_blank_lines=False,
                skiprows=options.name_row - 1,
            )
            return cells
        except UnicodeDecodeError:
            continue
        except pd.errors.EmptyDataError:
            return pd.DataFrame()
        except (*_FAILURES, LookupError) as error:
            raise InvalidValue(f"{path.name[-80:]} cannot be read: {str(error)[:200]}") from error
    raise InvalidValue(f"{path.name[-80:]} is in another encoding: say which, such as utf-8 or cp1251.")


def _delimiter(path: Path, encoding: str, row: int) -> str:
    """The sign that the line of names has most of."""
    with path.open(encoding=encoding, newline="") as file:
        line = next((line for number, line in enumerate(file, 1) if number == row), "")
    unquoted = re.sub(r'"[^"]*"', "", line)
    return max(_DELIMITERS, key=unquoted.count)


def _typed(column: "pd.Series[Any]") -> "pd.Series[Any]":
    array = _arrow(column)
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        array = _read_texts(array)
    if pa.types.is_null(array.type):
        array = array.cast(pa.string())
    series: pd.Series[Any] = array.to_pandas(types_mapper=NULLABLE.get if array.null_count else None)
    return series


def _arrow(column: "pd.Series[Any]") -> Any:
    try:
        array = pa.array(column, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):
        array = write_column(column, str(column.name), "String", pa.large_string())
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _read_texts(array: Any) -> Any:
    texts = pc.utf8_trim_whitespace(array)
    texts = pc.if_else(pc.equal(texts, ""), None, texts)
    if texts.null_count == len(texts):
        return array
    for pattern, name, kind in (*_KINDS, *_OTHERS):
        if pc.all(pc.match_substring_regex(texts, pattern)).as_py():
            with suppress(InvalidValue):  # a number of 20 digits, a 31st of February
                return write_column(texts.to_pandas(), "", name, kind)
            break
    return array
