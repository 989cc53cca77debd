"""A file of an object store as it comes over: in blocks, each of them once, into one file of this machine."""

import mmap
import os
import secrets
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import orjson
from numpy.typing import NDArray

from gpserver.objects.store import PART, Objects

BLOCK = 16 << 10
"""Bytes that come over at least."""

_PAGE = 4096
_MAGIC = b"gpserver pieces 1\n"
_GAP = 8  # absent blocks between two wanted ones that come along: cheaper than one more request
_AT_ONCE = 8  # runs of blocks that come over together, of a part each at most

Numbers = NDArray[Any]


class Pieces:
    """A local file that holds of an object what was needed so far; processes of a machine share it.

    The object never changes, so whoever fetches a block writes the same bytes. What is not here cannot be
    taken for what is: the file begins with words of its own, so that no reader of its format opens it, and
    its bytes are given out only by ``need`` and by those who called it.

    The file has a page that says which object it is, a byte for each block (1: it is here), filled up to
    whole pages, and then the object's bytes, with holes where they are absent.

    Args:
        path: A file that ``expect`` made.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        head = os.pread(self._descriptor, _PAGE, 0)
        facts = orjson.loads(head.removeprefix(_MAGIC).rstrip(b"\0"))
        self._url, self._name, self.size = facts["url"], facts["name"], int(facts["size"])
        blocks = _blocks(self.size)
        self._begin = _PAGE + _pages(blocks)
        self._map = mmap.mmap(self._descriptor, self._begin + self.size, access=mmap.ACCESS_READ)
        self._here = np.frombuffer(self._map, np.uint8, blocks, _PAGE)
        self.bytes: Numbers = np.frombuffer(self._map, np.uint8, self.size, self._begin)
        """The object's bytes, of which only those are right that were needed."""

    def __del__(self) -> None:
        if descriptor := getattr(self, "_descriptor", 0):
            os.close(descriptor)

    @classmethod
    def expect(cls, path: Path, objects: Objects, name: str) -> None:
        """Make the file of an object, without any of its blocks, where it is not there yet.

        Raises:
            NotFound: There is no such object.
            StoreFailed: The store did not answer.
        """
        if path.is_file():
            return
        size = objects.size(name)
        head = _MAGIC + orjson.dumps({"url": objects.url, "name": name, "size": size})
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        # The URL may have a password in its query.
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.pwrite(descriptor, head.ljust(_PAGE, b"\0"), 0)
            os.ftruncate(descriptor, _PAGE + _pages(_blocks(size)) + size)
        finally:
            os.close(descriptor)
        draft.replace(path)

    @classmethod
    def at(cls, path: Path) -> Self | None:
        """The pieces in a file; None where the file is a whole one."""
        with path.open("rb") as file:
            return cls(path) if file.read(len(_MAGIC)) == _MAGIC else None

    def need(self, starts: Numbers, ends: Numbers) -> None:
        """Have the bytes from each start up to its end here; empty ranges are fine.

        Raises:
            NotFound: The object was deleted.
            StoreFailed: The store did not give them.
        """
        filled = ends > starts
        first, last = starts[filled] // BLOCK, (ends[filled] - 1) // BLOCK
        blocks = len(self._here)
        begun = np.bincount(first, minlength=blocks + 1) - np.bincount(last + 1, minlength=blocks + 1)
        absent = (np.cumsum(begun)[:blocks] > 0) & (self._here == 0)
        if absent.any():
            self._fetch(np.flatnonzero(absent))

    def need_all(self) -> None:
        """Have every byte here."""
        self.need(np.array([0]), np.array([self.size]))

    def read(self, start: int, end: int) -> bytes:
        """The bytes from a start up to an end."""
        self.need(np.array([start]), np.array([end]))
        return self.bytes[start:end].tobytes()

    def _fetch(self, absent: Numbers) -> None:
        cuts = np.flatnonzero(np.diff(absent) > _GAP)
        firsts = absent[np.concatenate([[0], cuts + 1])]
        lasts = absent[np.concatenate([cuts, [len(absent) - 1]])]
        step = PART // BLOCK
        runs = [
            (block, min(block + step, last + 1))
            for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)
            for block in range(first, last + 1, step)
        ]
        for begin in range(0, len(runs), _AT_ONCE):
            self._fetch_runs(runs[begin : begin + _AT_ONCE])

    def _fetch_runs(self, runs: list[tuple[int, int]]) -> None:
        starts = [first * BLOCK for first, _ in runs]
        ends = [min(end * BLOCK, self.size) for _, end in runs]
        found = self._objects.ranges(self._name, starts, ends)
        for (first, end), start, piece in zip(runs, starts, found, strict=True):
            _write(self._descriptor, piece, self._begin + start)
            # After the bytes: who sees that a block is here must find it.
            _write(self._descriptor, memoryview(b"\1" * (end - first)), _PAGE + first)

    @cached_property
    def _objects(self) -> Objects:
        return _objects_at(self._url)


@lru_cache(maxsize=4)
def _objects_at(url: str) -> Objects:
    return Objects(url)


def _write(descriptor: int, content: memoryview, offset: int) -> None:
    while len(content):
        written = os.pwrite(descriptor, content, offset)
        content, offset = content[written:], offset + written


def _blocks(size: int) -> int:
    return -(-size // BLOCK)


def _pages(size: int) -> int:
    return -(-size // _PAGE) * _PAGE
