"""A raster that comes over in pieces, as GDAL reads it; only a process that meets one loads this."""

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from rasterio.abc import MultiByteRangeResourceContainer

from gpserver.errors import GPServerError
from gpserver.objects.pieces import Pieces

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_NAME = "pieces.tif"


@contextmanager
def open_pieces(pieces: Pieces, **options: Any) -> Iterator["DatasetReader"]:
    """Open a GeoTIFF, of which as many bytes come over as are read.

    Args:
        pieces: Its bytes.
        options: Those of ``rasterio.open``.

    Raises:
        NotFound: The object was deleted.
        StoreFailed: The store did not give what was read meanwhile.
    """
    folder = _Folder(pieces)
    try:
        # rasterio gives each opening a path of its own, so that threads are in nobody's way.
        with rasterio.open(_NAME, driver="GTiff", opener=folder, **options) as file:
            yield file
    except Exception as error:
        raise folder.failures[0] if folder.failures else error from None
    if folder.failures:  # GDAL can do without an overview, or a mask: who looks at it cannot
        raise folder.failures[0]


@MultiByteRangeResourceContainer.register
class _Folder:
    """The folder of one file; GDAL looks there for others that describe it."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self.failures: list[GPServerError] = []
        """What did not come; GDAL's callbacks can raise nothing."""

    def open(self, path: str, mode: str = "rb") -> "_File":
        if not self.isfile(path):
            raise FileNotFoundError(path)
        return _File(self._pieces, self.failures)

    def isfile(self, path: str) -> bool:
        return path.rpartition("/")[2] == _NAME

    def isdir(self, path: str) -> bool:
        return not self.isfile(path)

    def ls(self, path: str) -> list[str]:
        return [_NAME]

    def mtime(self, path: str) -> int:
        return 0

    def size(self, path: str) -> int:
        return self._pieces.size


class _File(io.RawIOBase):
    def __init__(self, pieces: Pieces, failures: list[GPServerError]) -> None:
        self._pieces, self._failures, self._at = pieces, failures, 0

    def read(self, size: int = -1) -> bytes:
        end = self._pieces.size if size < 0 else min(self._at + size, self._pieces.size)
        [found] = self.get_byte_ranges([self._at], [max(end - self._at, 0)])
        self._at += len(found)
        return found

    def get_byte_ranges(self, offsets: Sequence[int], sizes: Sequence[int]) -> list[bytes]:
        """The tiles of a window, which come over together."""
        starts = np.array(offsets, np.int64)
        ends = starts + np.array(sizes, np.int64)
        try:
            self._pieces.need(starts, ends)
        except GPServerError as error:
            self._failures.append(error)
            return [b""] * len(starts)
        bounds = zip(starts.tolist(), ends.tolist(), strict=True)
        return [self._pieces.bytes[start:end].tobytes() for start, end in bounds]

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._pieces.size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at
