"""The source of a job: brings what its inputs refer to into the job's folder."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from gpserver.addresses import Reach, checked_url
from gpserver.archives import found_in
from gpserver.errors import InvalidValue, NotFound
from gpserver.sources.answer import read_answer
from gpserver.sources.layers import is_layer, is_query, layer_pages, path_of, query_pages, with_parameters
from gpserver.uploads import Uploads, file_name

if TYPE_CHECKING:
    from gpserver.fetch import Fetcher

# A result of another job is written for people unless its URL says otherwise.
_RESULT = re.compile(r"/jobs/[^/]+/results/[^/]+/?$", re.IGNORECASE)

# What each kind of dataset begins with; a file that only claims to be one could make GDAL read others.
_DATASETS = {".shp": b"\x00\x00\x27\x0a", ".gpkg": b"SQLite format 3\x00", ".fgb": b"fgb\x03fgb"}
_DOCUMENTS = (".json", ".geojson", ".txt", ".pbf")


class Sources:
    """Fetches and copies for one attempt of one job; fills ``gpserver.datatypes.Source``.

    Used as a context manager: files stay for the task, pages of features go when all inputs are read.

    Args:
        folder: A folder of the job alone; it is made.
        reach: How far fetches by URL may go.
        uploads: The items of this server.
        owner: Whose the job is; items of others are not there for it.
    """

    def __init__(self, folder: Path, reach: Reach, uploads: Uploads, owner: str = "") -> None:
        self._folder, self._reach = folder, reach
        self._uploads, self._owner = uploads, owner
        self._on_leave = ExitStack()
        self._numbers = count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._on_leave.close()
        shutil.rmtree(self._folder / "pages", ignore_errors=True)

    def file(self, reference: Mapping[str, Any]) -> Path:
        """A whole file under the name that it has where it comes from, which is free to use."""
        return self._file(reference, self._room("files"))

    def features(self, reference: Mapping[str, Any]) -> Iterator[Path]:
        """The pages of a layer, a query or a file, or the dataset in a file or an archive.

        Each is Esri JSON, GeoJSON, Esri's protocol buffer (``.pbf``), a shapefile (``.shp``), a GeoPackage
        (``.gpkg``) or a FlatGeobuf (``.fgb``).
        """
        url, folder = str(reference.get("url") or ""), self._room("pages")
        if is_layer(url):
            yield from layer_pages(self._fetcher, reference, folder)
        elif is_query(url):
            yield from query_pages(self._fetcher, reference, folder)
        else:
            yield _document(self._file(reference, folder))

    @cached_property
    def _fetcher(self) -> "Fetcher":
        from gpserver.fetch import Fetcher  # most jobs bring all that they need

        return self._on_leave.enter_context(closing(Fetcher(self._reach)))

    def _file(self, reference: Mapping[str, Any], folder: Path) -> Path:
        if url := reference.get("url"):
            return self._fetched(str(url), reference, folder)
        if item := reference.get("itemID"):
            return self._copied(str(item), folder)
        raise InvalidValue(
            "Items of a portal and values by uri are not known here; send a url, or the itemID of an upload."
        )

    def _fetched(self, url: str, reference: Mapping[str, Any], folder: Path) -> Path:
        wanted = {"token": str(reference["token"])} if reference.get("token") else {}
        if _RESULT.search(path_of(url)):
            wanted |= {"f": "json", "returnType": "data"}
        if wanted:
            url = with_parameters(checked_url(url), wanted)
        fetched = self._fetcher.get(url, folder / "fetched")
        name = file_name(fetched.name)
        if fetched.media_type == "application/x-protobuf" and not name.lower().endswith(".pbf"):
            name = f"{name}.pbf"
        return (folder / "fetched").rename(folder / name)

    def _copied(self, item_id: str, folder: Path) -> Path:
        try:
            item = self._uploads.get(item_id)
            if item.owner not in ("", self._owner):
                raise NotFound(f"There is no uploaded item {item.id}.")
            content, copy = self._uploads.content(item), folder / item.name
            try:
                os.link(content, copy)
            except FileNotFoundError:
                raise NotFound(f"There is no uploaded item {item.id} any more.") from None
            except OSError:
                shutil.copyfile(content, copy)  # the file system has no links
        except NotFound as error:
            raise InvalidValue(str(error)) from None
        return copy

    def _room(self, kind: str) -> Path:
        """A folder of its own for each value, so that equal names do not meet."""
        folder = self._folder / kind / str(next(self._numbers))
        folder.mkdir(parents=True)
        return folder


def _document(path: Path) -> Path:
    """The file as a page of features: unpacked, and without what is around a task's result."""
    path = found_in(path, _DATASETS, _DOCUMENTS)
    suffix = path.suffix.lower()
    if suffix in _DATASETS:
        with path.open("rb") as file:
            if not file.read(16).startswith(_DATASETS[suffix]):
                raise InvalidValue(f"{path.name} is not a {suffix} file, whatever its name says.")
    elif suffix != ".pbf":
        answer = read_answer(path)
        if answer.param_name and answer.value:
            path = path.with_name("value.json")
            path.write_bytes(answer.value)
            read_answer(path)
    return path
