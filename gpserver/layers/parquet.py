"""Layers in a folder: GeoParquet parts beside a catalogue that says which of them count."""

import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpserver.errors import Conflict
from gpserver.layers.boxes import ids_in, meet
from gpserver.layers.catalogue import Catalogue, Part
from gpserver.layers.info import LayerInfo
from gpserver.layers.parts import ROWS, boxes_in, read_parts, remove_parts, touching, write_parts
from gpserver.layers.schema import schema_of
from gpserver.layers.store import Box, Ids

if TYPE_CHECKING:
    from gpserver.eql import Select, Table

_GRACE = 600.0  # seconds that a replaced file stays for whoever reads it
_SMALL, _MANY = ROWS // 2, 32  # so many parts of fewer rows are merged
_ATTEMPTS = 50


class ParquetStore:
    """A ``LayerStore`` in one folder.

    ``catalogue.sqlite`` names the files ``<layer id>/<random>.parquet`` that hold the rows of a layer. A
    writer makes new files and then, in one transaction, puts them in the place of old ones, or does it again
    where somebody else replaced one of those first. So nobody ever waits for a reader, and a writer that dies
    leaves nothing but files that nobody names; the sweep removes them.

    Args:
        folder: Made when something is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._catalogue = folder, Catalogue(folder)

    def add(self, info: LayerInfo) -> LayerInfo:
        """Keep a new layer without rows."""
        now = time.time()
        info = replace(info, id=secrets.token_hex(16), created=now, changed=now, count=0, version=1)
        self._catalogue.add(info)
        return info

    def get(self, name: str, owner: str) -> LayerInfo | None:
        """The layer of a name."""
        return self._catalogue.get(name, owner)

    def all(self) -> list[LayerInfo]:
        """Every layer, by name."""
        return self._catalogue.all()

    def change(self, old: LayerInfo, new: LayerInfo) -> LayerInfo:
        """Replace the facts of a layer."""
        return self._catalogue.change(new)

    def reshape(self, old: LayerInfo, new: LayerInfo, names: Mapping[str, str]) -> LayerInfo:
        """Replace the attributes: every part is written anew, unless its columns stay as they are."""
        kept = all(now == before for now, before in names.items()) and schema_of(old) == schema_of(new)

        from gpserver.layers.table import reshaped

        def reshape() -> bool:
            parts = [] if kept else self._catalogue.parts(old)
            made = list[Part]()
            for part in parts:
                table = read_parts(self._home(old), old, [part], old.names)
                made += write_parts(self._home(old), new, reshaped(table, new, names))
            return self._commit(old, made, parts, new)

        self._insist(reshape, old)
        return replace(new, version=old.version + 1)

    def drop(self, info: LayerInfo) -> None:
        """Forget a layer; its files go with the next sweeps."""
        self._catalogue.drop(info)

    def read(self, info: LayerInfo, columns: list[str], ids: Ids | None = None) -> Any:
        """The rows in the order of their ids."""
        parts = list(touching(self._catalogue.parts(info), ids))
        return read_parts(self._home(info), info, parts, columns, ids)

    def ids_in(self, info: LayerInfo, window: Box, most: int | None) -> Ids:
        """The ids of rows whose boxes touch a window."""
        home, key, geometry = self._home(info), info.id_attribute, info.geometry_attribute or ""
        parts = [part for part in self._catalogue.parts(info) if meet(part.box, window)]
        return ids_in((boxes_in(home / part.file, key, geometry) for part in parts), window, most)

    def append(self, info: LayerInfo, table: Any) -> Ids:
        """Add rows, all or none."""
        if not len(table):
            return np.empty(0, np.int64)
        first = self._catalogue.reserve(info, len(table))
        ids = np.arange(first, first + len(table), dtype=np.int64)
        parts = write_parts(self._home(info), info, table.add_column(0, info.id_attribute, pa.array(ids)))
        self._commit(info, parts)
        self._merge(info)
        return ids

    def update(self, info: LayerInfo, table: Any) -> Ids:
        """Replace values of rows by id."""
        new = table.sort_by(info.id_attribute)
        columns = [name for name in new.column_names if name != info.id_attribute]

        def update(rows: Any, ids: Ids) -> Any:
            chosen, at = _places(rows, new, info.id_attribute)
            for name in columns:
                values = new.column(name).combine_chunks().take(at)
                kept = rows.column(name).combine_chunks()
                merged = pc.replace_with_mask(kept, chosen, values)
                rows = rows.set_column(rows.column_names.index(name), name, merged)
            return rows

        return self._rewrite(info, new.column(info.id_attribute).to_numpy(), update)

    def delete(self, info: LayerInfo, ids: Ids) -> Ids:
        """Remove rows by id."""

        def delete(rows: Any, ids: Ids) -> Any:
            return rows.filter(pc.invert(pc.is_in(rows.column(info.id_attribute), pa.array(ids))))

        return self._rewrite(info, ids, delete)

    def extent(self, info: LayerInfo) -> Box | None:
        """The box of all geometries; no file is opened for it."""
        boxes = [part.box for part in self._catalogue.parts(info) if part.box[0] is not None]
        if not boxes:
            return None
        xmin, ymin, xmax, ymax = np.array(boxes, float).T
        return float(xmin.min()), float(ymin.min()), float(xmax.max()), float(ymax.max())

    def select(
        self, select: "Select", layers: Mapping[str, LayerInfo], limit: int | None, offset: int
    ) -> Any:
        """Run a read SELECT in DuckDB over the parts."""
        from gpserver.eql import run_select  # whoever has read a SELECT has loaded it

        tables = {name: self._table(info) for name, info in layers.items()}
        return run_select(select, tables, limit=limit, offset=offset)

    def sweep(self, before: float) -> None:
        """Drop old temporary layers, replaced files that nobody reads any more, and what crashes left."""
        for info in self.all():
            if info.is_temporary and info.changed < before:
                self.drop(info)
        for layer, file in self._catalogue.replaced(time.time() - _GRACE):
            (self._folder / layer / file).unlink(missing_ok=True)
        # Looked at before the catalogue, so that a file that is committed in between is known.
        lying = [path for path in self._folder.glob("*/*.parquet") if path.stat().st_mtime < before]
        known = self._catalogue.files()
        for path in lying:
            if (path.parent.name, path.name) not in known:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the catalogue."""
        self._catalogue.close()

    def _home(self, info: LayerInfo) -> Path:
        return self._folder / info.id

    def _table(self, info: LayerInfo) -> "Table":
        from gpserver.eql import Table

        parts = self._catalogue.parts(info)
        paths = tuple(self._home(info) / part.file for part in parts)
        return Table(paths, schema_of(info), info.geometry_attribute, info.sr_id)

    def _commit(
        self,
        info: LayerInfo,
        new: Sequence[Part],
        old: Sequence[Part] = (),
        attributes: LayerInfo | None = None,
    ) -> bool:
        try:
            done = self._catalogue.commit(info, new, old, attributes)
        except BaseException:
            remove_parts(self._home(info), new)
            raise
        if not done:
            remove_parts(self._home(info), new)
        return done

    def _rewrite(self, info: LayerInfo, ids: Ids, change: Callable[[Any, Ids], Any]) -> Ids:
        """Write the parts anew that have rows of these ids; gives the ids that were there."""
        there = np.empty(0, np.int64)

        def rewrite() -> bool:
            nonlocal there
            old, new, found = list[Part](), list[Part](), list[Ids]()
            for part in touching(self._catalogue.parts(info), ids):
                rows = read_parts(self._home(info), info, [part], info.names)
                hits = np.intersect1d(rows.column(info.id_attribute).to_numpy(), ids)
                if len(hits):
                    old.append(part)
                    found.append(hits)
                    new += write_parts(self._home(info), info, change(rows, hits))
            there = np.concatenate([there[:0], *found])
            return not old or self._commit(info, new, old)

        self._insist(rewrite, info)
        return there

    def _insist(self, change: Callable[[], bool], info: LayerInfo) -> None:
        """Change parts again until nobody else has changed them meanwhile."""
        for attempt in range(_ATTEMPTS):
            if change():
                return
            time.sleep(random.uniform(0, 0.002 * 2 ** min(attempt, 8)))  # noqa: S311 - no secret
        raise Conflict(f"The layer {info.name} is being changed by too many others; try again.")

    def _merge(self, info: LayerInfo) -> None:
        """Make one part of many small ones; whoever comes first has done it for the others too."""
        small = [part for part in self._catalogue.parts(info) if part.rows < _SMALL]
        if len(small) < _MANY:
            return
        rows = read_parts(self._home(info), info, small, info.names)
        self._commit(info, write_parts(self._home(info), info, rows), small)


def _places(rows: Any, new: Any, key: str) -> tuple[Any, Any]:
    """Which rows are among the new ones (a mask), and for each of those where."""
    at = pc.index_in(rows.column(key), new.column(key).combine_chunks()).combine_chunks()
    return at.is_valid(), at.drop_null()
