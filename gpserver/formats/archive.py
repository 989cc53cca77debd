"""ZIP archives, packed while they are sent: no file of them, and no member, is ever whole in memory."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from isal import isal_zlib
from stream_zip import ZIP_32, stream_zip

_MODE = 0o100644  # a file that all may read
_CHUNK = 1 << 18  # bytes


class Member(NamedTuple):
    """A file of an archive: its name, and its content as pieces or in a file."""

    name: str
    content: Iterable[bytes] | Path


def archive(members: Iterable[Member]) -> Iterator[bytes]:
    """The archive in pieces; 4 GB is the most that old readers, such as those of globes, can open."""
    now = datetime.now(UTC)
    files = ((member.name, now, _MODE, ZIP_32, _pieces(member.content)) for member in members)
    yield from stream_zip(files, chunk_size=_CHUNK, get_compressobj=_deflate)


def _deflate() -> Any:
    # A tenth of zlib's cost for a few percent more bytes.
    return isal_zlib.compressobj(level=1, wbits=-15)


def _pieces(content: Iterable[bytes] | Path) -> Iterable[bytes]:
    return read_pieces(content) if isinstance(content, Path) else content


def read_pieces(path: Path) -> Iterator[bytes]:
    """The content of a file."""
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece
