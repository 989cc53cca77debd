"""Unpacks zip archives that clients sent: never outside of one folder, never more than a limit."""

import re
import stat
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from gpserver.errors import InvalidValue

_MAGIC = b"PK\x03\x04"
_EMPTY = b"PK\x05\x06"
_ENTRIES = 1000
_MOST = 2_000_000_000  # bytes of all files together
_RATIO, _HARMLESS = 250, 20_000_000  # more bytes than the second may not come of so few
_BLOCK = 1 << 20
_STRANGE = re.compile(r"[\x00-\x1f\\:]")


def is_archive(path: Path) -> bool:
    """Whether a file is a zip archive, whatever its name."""
    with path.open("rb") as file:
        return file.read(4) in (_MAGIC, _EMPTY)


def found_in(path: Path, *kinds: Collection[str]) -> Path:
    """The file itself, or of an archive the one file in it that is of the first kind that it has.

    An archive is unpacked as a whole into a folder beside it, since a dataset may have several files.

    Args:
        path: A file, alone in its folder.
        kinds: Suffixes in lower case, such as ``(".shp", ".gpkg")``.

    Raises:
        InvalidValue: The archive cannot be unpacked safely, or it has no such file, or several.
    """
    if not is_archive(path):
        return path
    files = list(unpack(path, path.with_name(f"{path.name}.unpacked")))
    choices = ([file for file in files if file.suffix.lower() in kind] for kind in kinds)
    found = next(filter(None, choices), [])
    if len(found) == 1:
        return found[0]
    names = ", ".join(sorted(file.name for file in found or files)[:10]) or "nothing"
    wanted = ", ".join(suffix for kind in kinds for suffix in kind)
    raise InvalidValue(f"The archive {path.name} must hold exactly one of {wanted}; it holds {names}.")


def unpack(path: Path, folder: Path) -> Iterator[Path]:
    """Unpack an archive into a new folder, file by file; archives inside of it stay as they are.

    Raises:
        InvalidValue: It is no sound archive, it is encrypted, a name or a link leads out of the folder, or
            it holds too many or too large files.
    """
    folder.mkdir()
    left = min(_MOST, max(_HARMLESS, _RATIO * path.stat().st_size))
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in _entries(archive):
                target = folder / _name(entry)
                target.parent.mkdir(parents=True, exist_ok=True)
                left -= _write(archive, entry, target, left)
                yield target
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise InvalidValue(f"The archive {path.name} cannot be unpacked: {error}.") from None


def _entries(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    entries = archive.infolist()
    if len(entries) > _ENTRIES:
        raise InvalidValue(f"The archive has {len(entries)} entries; {_ENTRIES} are allowed.")
    # What macOS adds to an archive looks like a second dataset.
    return [entry for entry in entries if not entry.is_dir() and not entry.filename.startswith("__MACOSX/")]


def _name(entry: zipfile.ZipInfo) -> PurePosixPath:
    name = PurePosixPath(entry.filename)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if name.is_absolute() or ".." in name.parts or _STRANGE.search(entry.filename):
        raise InvalidValue(f"The archive has a file outside of its folder: {entry.filename[:80]!r}.")
    if kind not in (0, stat.S_IFREG):
        raise InvalidValue(f"The archive has a link or a device: {entry.filename[:80]!r}.")
    if entry.flag_bits & 1:
        raise InvalidValue("The archive is encrypted; send it without a password.")
    return name


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, most: int) -> int:
    """The bytes that were written; what the archive says of its sizes is not believed."""
    written = 0
    with archive.open(entry) as source, target.open("xb") as file:
        while block := source.read(_BLOCK):
            written += len(block)
            if written > most:
                raise InvalidValue("The archive becomes too large when it is unpacked.")
            file.write(block)
    return written
