"""GPDataFile: a file, by URL or item id, or one that a task makes."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gpserver.datatypes.base import DataType, Source, Stored
from gpserver.datatypes.raw import quote
from gpserver.errors import InvalidValue


class GPDataFile(DataType):
    """A file; the function gets the path of an input, and returns that of an output."""

    name = "GPDataFile"
    python = (Path,)
    refers = True

    def read(self, value: object) -> Path:
        """Refuse a file that is not somewhere."""
        raise InvalidValue(f'{quote(value)} is not a file; send {{"url": …}} or {{"itemID": …}}.')

    def fetch(self, reference: Mapping[str, Any], source: Source) -> Path:
        """Bring the file into the job's folder."""
        return source.file(reference)

    def write(self, value: Any) -> dict[str, str]:
        """Give the file's name; whoever knows the server's address makes a URL of it."""
        return {"url": Path(value).name}

    def empty(self) -> dict[str, Any]:
        """Give no file."""
        return {}

    def save(self, value: object, folder: Path, name: str) -> Stored:
        """Bring the file into the results folder, unless it is there already."""
        source = _file(value)
        folder = folder.resolve()
        if source.is_relative_to(folder):
            return Stored(file=source.relative_to(folder).as_posix())
        target = _free(folder / source.name)
        if source.is_relative_to(folder.parent):
            _link(source, target)
        else:
            shutil.copyfile(source, target)
        return Stored(file=target.name)


def _file(value: object) -> Path:
    if not isinstance(value, str | os.PathLike):
        raise InvalidValue(f"{quote(value)} is not the path of a file.")
    path = Path(value)
    if not path.exists():
        raise InvalidValue(f'The file "{path.name}" that the task returned does not exist.')
    if not path.is_file():
        raise InvalidValue(
            f'"{path.name}" that the task returned is not a file; return one file, such as a zip.'
        )
    return path.resolve()


def _free(path: Path) -> Path:
    """Number the name when another output has taken it."""
    taken = 1
    target = path
    while target.exists():
        taken += 1
        target = path.with_name(f"{path.stem}_{taken}{path.suffix}")
    return target


def _link(source: Path, target: Path) -> None:
    # The job is over and its folder is nobody else's, so the result may share the file's bytes.
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
