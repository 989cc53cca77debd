"""Files in an object store, by name: put, got, read in ranges, deleted; memory stays bounded."""

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from gpserver.errors import NotFound, Unavailable

# It brings its own threads and TLS: only a process that needs an object store loads it.
if TYPE_CHECKING:
    from obstore.store import ObjectStore

PART = 8 << 20
"""Bytes of one request at most, or of two; a few of them are on their way."""

_AT_ONCE = 4  # parts that are sent
_TRIES = 6  # of one request, within _PATIENCE
_PATIENCE = timedelta(seconds=60)
_BACK_OFF = {
    "init_backoff": timedelta(milliseconds=100),
    "max_backoff": timedelta(seconds=5),
    "base": 2,
}

_ADDRESS = re.compile(r"\b\w+://[^\s\"',)]+")

Given = TypeVar("Given")


class StoreFailed(Unavailable):
    """The object store did not do what it was asked for, however often; the text says what it answered."""


class Entry(NamedTuple):
    """An object: its name, its bytes, when it was written (epoch seconds)."""

    name: str
    size: int
    written: float


class Objects:
    """The objects below a URL; safe to use from any thread, but not across a fork.

    Every request is tried again when the store is slow, busy or gone for a moment.

    Args:
        url: ``s3://bucket/prefix``, ``gs://…``, ``az://…`` or ``file:///folder``; its query may name
            settings of the store, such as ``?endpoint=https://minio:9000&region=here``. What it leaves out
            comes from the usual environment variables (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL`` …).

    Raises:
        StoreFailed: obstore is not installed, or the URL names no store.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._store = _opened(url)

    def put(self, name: str, file: Path) -> None:
        """Store a file; it is there as a whole or not at all.

        Raises:
            StoreFailed: The store did not take it.
        """
        import obstore

        try:
            _tried(
                name, lambda: obstore.put(self._store, name, file, chunk_size=PART, max_concurrency=_AT_ONCE)
            )
        except (NotFound, StoreFailed) as error:
            # An upload that was complete when its answer got lost is not there any more to be completed.
            if not self._has(name, file.stat().st_size):
                reason = "is there such a bucket?" if isinstance(error, NotFound) else error
                raise StoreFailed(f"The object store did not take {name}: {reason}") from error

    def write(self, name: str, content: bytes) -> None:
        """Store a few bytes, in one request.

        Raises:
            StoreFailed: The store did not take them.
        """
        import obstore

        _tried(name, lambda: obstore.put(self._store, name, content, use_multipart=False))

    def get(self, name: str, target: Path) -> None:
        """Bring an object into a new file, which gets its name when it is complete.

        Raises:
            NotFound: There is no such object.
            StoreFailed: The store did not give it.
        """
        size = self.size(name)
        draft = target.with_name(f"{target.name}.{secrets.token_hex(4)}")  # others may fetch it as well
        with draft.open("wb") as file:
            for piece in self.stream(name, 0, size):
                file.write(piece)
        draft.replace(target)

    def stream(self, name: str, start: int, end: int) -> Iterator[memoryview]:
        """The bytes from a start to an end, a part at a time.

        Raises:
            NotFound: There is no such object.
            StoreFailed: The store did not give it.
        """
        for begin in range(start, end, PART):
            yield from self.ranges(name, [begin], [min(begin + PART, end)])

    def size(self, name: str) -> int:
        """The bytes of an object.

        Raises:
            NotFound: There is no such object.
            StoreFailed: The store did not answer.
        """
        import obstore

        return int(_tried(name, lambda: obstore.head(self._store, name))["size"])

    def ranges(self, name: str, starts: Sequence[int], ends: Sequence[int]) -> list[memoryview]:
        """The bytes from each start to its end; ranges that touch are one request.

        Raises:
            NotFound: There is no such object.
            StoreFailed: The store did not give exactly these.
        """
        import obstore

        def ask() -> list[Any]:
            return list(obstore.get_ranges(self._store, name, starts=starts, ends=ends, coalesce=0))

        found = [memoryview(piece) for piece in _tried(name, ask)]
        # A store that gives less than it was asked for must never pass for one that gave zeros.
        if [len(piece) for piece in found] != [end - start for start, end in zip(starts, ends, strict=True)]:
            raise StoreFailed(f"The object store gave other bytes of {name} than it was asked for.")
        return found

    def read(self, name: str) -> bytes:
        """All of a small object.

        Raises:
            NotFound: There is no such object.
            StoreFailed: The store did not give it.
        """
        import obstore

        return _tried(name, lambda: bytes(obstore.get(self._store, name).bytes()))

    def entries(self, prefix: str) -> Iterator[Entry]:
        """The objects whose names begin with the folders of ``prefix``.

        Raises:
            StoreFailed: The store did not answer.
        """
        import obstore

        for page in _tried(prefix, lambda: list(obstore.list(self._store, prefix.rstrip("/")))):
            for item in page:
                written: datetime = item["last_modified"]
                yield Entry(item["path"], item["size"], written.timestamp())

    def delete(self, prefix: str) -> None:
        """Remove all objects below a folder.

        Raises:
            StoreFailed: The store did not answer.
        """
        import obstore

        if names := [entry.name for entry in self.entries(prefix)]:
            _tried(prefix, lambda: obstore.delete(self._store, names))

    def _has(self, name: str, size: int) -> bool:
        try:
            return self.size(name) == size
        except (NotFound, StoreFailed):
            return False


def _opened(url: str) -> "ObjectStore":
    try:
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    except ImportError as error:
        raise StoreFailed(f"Results in an object store need pip install gpserver[s3]: {error}.") from None
    parts = urlsplit(url)
    place, config = urlunsplit(parts._replace(query="")), dict(parse_qsl(parts.query))
    try:
        if parts.scheme == "file":
            return from_url(place, mkdir=True, automatic_cleanup=True)
        options: Any = {
            "config": config,
            # Whether a connection is plain is said by the endpoint; by default it is not.
            "client_options": {"allow_http": True, "connect_timeout": "5s", "timeout": "60s"},
            "retry_config": {"max_retries": _TRIES - 1, "retry_timeout": _PATIENCE, "backoff": _BACK_OFF},
        }
        return from_url(place, **options)
    except (BaseError, ValueError) as error:
        named = place.partition("://")[0]
        raise StoreFailed(f"{named}://… is not the URL of an object store: {_sentence(error)}") from None


def _tried(name: str, request: Callable[[], Given]) -> Given:
    from obstore.exceptions import BaseError, NotFoundError

    for left in reversed(range(2)):  # a body that breaks off is asked for anew
        try:
            return request()
        except (FileNotFoundError, NotFoundError):
            raise NotFound(f"There is no {name} in the object store.") from None
        except (BaseError, OSError) as error:
            if not left:
                raise StoreFailed(f"The object store failed with {name}: {_sentence(error)}") from error
    raise AssertionError


def _sentence(error: Exception) -> str:
    # Clients may read it: where the store is, is not for them.
    return _ADDRESS.sub("…", str(error).partition("\n")[0])[:500]
