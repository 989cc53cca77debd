"""Raster files of catalogues: each beside its layer's rows, named after the id of its row."""

import re
import shutil
from collections.abc import Callable, Container, Iterable
from pathlib import Path

import orjson

from gpserver.layers.info import LayerInfo

_KEPT = re.compile(r"\d{1,19}\.(tif|json)")


class RasterFiles:
    """The files of all catalogues; names that clients choose never become paths.

    Args:
        folder: A folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def folder(self, info: LayerInfo) -> Path:
        """The folder of a catalogue; it may not be there yet. Drafts may lie in it."""
        return self._folder / info.id

    def path(self, info: LayerInfo, gid: int) -> Path:
        """The file of a row: a GeoTIFF, while it is there."""
        return self.folder(info) / f"{int(gid)}.tif"

    def keep(self, info: LayerInfo, gid: int, draft: Path, span: tuple[float, float] | None) -> None:
        """Give a draft in the catalogue's folder to a row.

        Args:
            info: The catalogue.
            gid: The row.
            draft: The file.
            span: The values that are black and white in a picture; None where it is a picture already.
        """
        if span:
            self._span(info, gid).write_bytes(orjson.dumps(span))
        draft.replace(self.path(info, gid))

    def span(self, info: LayerInfo, gid: int) -> tuple[float, float] | None:
        """What ``keep`` was told."""
        path = self._span(info, gid)
        if not path.is_file():
            return None
        low, high = orjson.loads(path.read_bytes())
        return low, high

    def _span(self, info: LayerInfo, gid: int) -> Path:
        return self.path(info, gid).with_suffix(".json")

    def remove(self, info: LayerInfo, ids: Iterable[int] | None = None) -> None:
        """Remove the files of rows, or all of a catalogue."""
        if ids is None:
            shutil.rmtree(self.folder(info), ignore_errors=True)
            return
        # Most layers are no catalogues, and a look for each row would take far longer than to remove it.
        for gid in ids if self.folder(info).is_dir() else ():
            self.path(info, gid).unlink(missing_ok=True)
            self._span(info, gid).unlink(missing_ok=True)

    def sweep(self, known: Callable[[], Container[str]], before: float) -> None:
        """Remove folders of layers whose ids are not known, and drafts older than ``before``."""
        folders = list(self._folder.glob("*"))
        ids = known()  # asked now, so that the folder of a new layer is left alone
        for folder in folders:
            if folder.name not in ids:
                shutil.rmtree(folder, ignore_errors=True)
                continue
            for path in folder.iterdir():
                if not _KEPT.fullmatch(path.name) and path.stat().st_mtime < before:
                    path.unlink(missing_ok=True)
