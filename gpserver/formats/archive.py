"""ZIP archives, packed while they are sent: no file of them, and no member, is ever whole in memory."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import IO, Any, NamedTuple

from isal import isal_zlib

_MODE = 0o100644  # a file that all may read
_CHUNK = 1 << 18  # bytes


class Member(NamedTuple):
    """A file of an archive."""

    name: str
    content: Iterable[bytes]


def archive(members: Iterable[Member]) -> Iterator[bytes]:
    """The archive in pieces; 4 GB is the most that old readers, such as those of globes, can open."""
    # It brings ciphers, which a server that starts need not wait for.
    from stream_zip import ZIP_32, stream_zip

    now = datetime.now(UTC)
    files = ((member.name, now, _MODE, ZIP_32, member.content) for member in members)
    yield from stream_zip(files, chunk_size=_CHUNK, get_compressobj=_deflate)


def _deflate() -> Any:
    # A tenth of zlib's cost for a few percent more bytes.
    return isal_zlib.compressobj(level=1, wbits=-15)


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """What is in an open file."""
    while piece := file.read(_CHUNK):
        yield piece
