"""Named layers as one user sees them: found, made, read, changed; the same over every store."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gpserver.errors import Forbidden, InvalidValue, NotFound
from gpserver.layers.info import TEMPORARY, LayerInfo, checked, is_name
from gpserver.layers.rasters import RasterFiles
from gpserver.layers.resources import Resources
from gpserver.layers.store import Box, Ids, LayerStore
from gpserver.layers.views import is_virtual, rows_of, table_of

# A server has layers at once; what frames are made of (layers.table) comes with the first one.
if TYPE_CHECKING:
    import pandas as pd

    from gpserver.eql import Expression, Select

_FACTS = ("name", "alias", "description", "configuration", "shared", "owner", "attributes")


@dataclass(frozen=True)
class Rights:
    """Who looks, and what he may.

    Attributes:
        name: The user; empty for nobody, or for the operator.
        guarded: Whether there are users; without them everybody may do everything.
        administrators: The users who may change every layer.
    """

    name: str = ""
    guarded: bool = False
    administrators: frozenset[str] = frozenset()

    @property
    def all(self) -> bool:
        """Whether he may do everything."""
        return not self.guarded or self.name in self.administrators

    def reads(self, info: LayerInfo) -> bool:
        """Whether he may read a layer: his own, a shared one, one of the operator's."""
        if info.is_temporary:
            return info.owner == self.name
        return self.all or info.shared or info.owner in ("", self.name) or info.namespace == self.name

    def writes(self, info: LayerInfo) -> bool:
        """Whether he may make or change a layer: one whose namespace is his name, or a temporary one."""
        return self.all or (bool(self.name) and info.namespace in (self.name, TEMPORARY))


class Layers:
    """All layers of one place, and the tree of files beside them (``resources``).

    Layers that the user may not read are not there (NotFound). Every write is all or nothing, and readers
    see the rows before it or after it. Safe to use from any thread and process at once.

    Args:
        store: Who keeps the layers.
        resources: Folders and files.
        rasters: The files of catalogues of rasters; they go with their rows.
        rights: Who looks.
    """

    def __init__(self, store: LayerStore, resources: Resources, rasters: RasterFiles, rights: Rights) -> None:
        self._store, self._rights, self.rasters = store, rights, rasters
        self.resources = resources.seen_by(rights.name, rights.all)

    def seen_by(self, owner: str) -> "Layers":
        """The same layers as a user sees them; what he makes is his."""
        view = copy.copy(self)
        view._rights = replace(self._rights, name=owner)
        view.resources = self.resources.seen_by(owner, view._rights.all)
        return view

    def create(self, info: LayerInfo) -> LayerInfo:
        """Make a layer without rows; the id and geometry attributes are added where they are not listed.

        Raises:
            InvalidValue: A name, a type or the spatial reference cannot be.
            Conflict: The name is taken.
            Forbidden: The namespace is not the user's.
        """
        info = checked(info)
        self._admit(info)
        return self._store.add(replace(info, owner=self._owner(info.owner)))

    def find(self, name: str) -> LayerInfo:
        """The facts of a layer.

        Raises:
            NotFound: There is none of this name.
        """
        info = self._seen(name)
        if info is None:
            raise NotFound(f"There is no layer {name[:200]}.")
        return info

    def exists(self, name: str) -> bool:
        """Whether there is a layer that the user may read."""
        return self._seen(name) is not None

    def all(self) -> list[LayerInfo]:
        """The layers that the user may read, by name."""
        return [info for info in self._store.all() if self._rights.reads(info)]

    def change(self, name: str, /, *, renamed: Mapping[str, str] | None = None, **facts: Any) -> LayerInfo:
        """Change facts of a layer.

        Args:
            name: The layer.
            renamed: With ``attributes``, the old names of attributes that get new ones (new -> old).
            facts: ``name``, ``alias``, ``description``, ``configuration``, ``shared``, ``owner``, or
                ``attributes``: those that are new hold null, those that are left out lose their values, and
                those of another type are converted.

        Raises:
            NotFound: There is no such layer.
            InvalidValue: A fact cannot be, or a value does not fit its attribute's new type.
            Conflict: The new name is taken, or somebody changed the attributes at the same time.
            Forbidden: The layer is not the user's.
        """
        if unknown := sorted(facts.keys() - set(_FACTS)):
            raise InvalidValue(f"A layer's {', '.join(unknown)} cannot be changed; {', '.join(_FACTS)} can.")
        old = self._mine(name)
        new = checked(replace(old, **facts))
        self._admit(new)
        if new.attributes != old.attributes:
            names = {item.name: (renamed or {}).get(item.name, item.name) for item in new.attributes}
            kept = {now: before for now, before in names.items() if before in old.names}
            old = self._store.reshape(old, replace(old, attributes=new.attributes), kept)
        return self._store.change(old, replace(new, version=old.version))

    def drop(self, name: str) -> None:
        """Remove a layer and its rows.

        Raises:
            NotFound: There is no such layer.
            Forbidden: It is not the user's.
        """
        info = self._mine(name)
        self._store.drop(info)
        self.rasters.remove(info)

    def read(
        self,
        name: str,
        columns: Iterable[str] | None = None,
        where: "Expression | None" = None,
        *,
        ids: Iterable[int] | None = None,
    ) -> "pd.DataFrame":
        """The rows of a layer in the order of their ids, with the id column (``gid``) first.

        A layer that shows the rows of a SELECT (``gpserver.layers.views``) is read like any other.

        Args:
            name: The layer.
            columns: The attributes that are wanted besides the id; all by default. With the geometry a
                GeoDataFrame comes, in the layer's spatial reference; without it a DataFrame.
            where: The rows that are wanted.
            ids: The ids that are wanted.

        Returns:
            Whole numbers and booleans are nullable (``Int64``, ``boolean``) where a value is null, times are
            naive UTC, Json is what it says.

        Raises:
            NotFound: There is no such layer.
            InvalidValue: It has no such attribute.
        """
        from gpserver.layers.table import read_table

        info = self.find(name)
        wanted = list(info.names if columns is None else dict.fromkeys((info.id_attribute, *columns)))
        needed = dict.fromkeys(wanted)
        if where is not None:
            needed |= dict.fromkeys(where.names)
        for column in needed:
            info.attribute(column)
        chosen = None if ids is None else _ids(ids)
        if is_virtual(info):
            frame = self._shown(info, list(needed), chosen)
        else:
            frame = read_table(self._store.read(info, list(needed), chosen), info)
        return _narrowed(frame, info, wanted, where)

    def ids_in(self, name: str, window: Box, most: int | None = None) -> Ids:
        """The ids of the rows whose geometries may touch a window: those whose boxes do.

        Args:
            name: The layer.
            window: xmin, ymin, xmax, ymax in the layer's spatial reference.
            most: So many ids; where there are more, those of the boxes with the longest sides. None is all.

        Returns:
            Ascending. A box beside the window by no more than single precision can tell may be among them.

        Raises:
            NotFound: There is no such layer.
            InvalidValue: It has no geometry.
        """
        info = self.find(name)
        if info.geometry_attribute is None:
            raise InvalidValue(f"The layer {name} has no geometry.")
        if not is_virtual(info):
            return self._store.ids_in(info, window, most)
        from gpserver.layers.boxes import boxes_of, ids_in

        frame = self._shown(info, [info.id_attribute, info.geometry_attribute], None)
        return ids_in(
            [(frame[info.id_attribute].to_numpy(), boxes_of(frame.geometry.to_numpy()))], window, most
        )

    def append(self, name: str, frame: "pd.DataFrame") -> Ids:
        """Add rows and give them new ids, also where the frame has an id column.

        Attributes that the frame lacks are null, columns that the layer lacks are left out. Geometries are
        reprojected, made 2-D, and single ones become multi where the layer's are.

        Returns:
            The ids in the order of the rows.

        Raises:
            NotFound: There is no such layer.
            InvalidValue: A value or a geometry does not fit its attribute.
            Forbidden: The layer is not the user's.
        """
        from gpserver.layers.table import write_table

        info = self._edited(name)
        return self._store.append(info, write_table(frame, info, info.names[1:], lacking_is_null=True))

    def update(self, name: str, frame: "pd.DataFrame") -> Ids:
        """Replace values of rows in the columns that the frame has; its id column says which rows.

        Returns:
            The ids that were there; others are left out.

        Raises:
            NotFound: There is no such layer.
            InvalidValue: The frame has no ids, an id twice, or a value that does not fit its attribute.
            Forbidden: The layer is not the user's.
        """
        from gpserver.layers.table import write_table

        info = self._edited(name)
        if info.id_attribute not in frame:
            raise InvalidValue(f"The rows to update need their ids in a column {info.id_attribute}.")
        if frame[info.id_attribute].isna().any() or not frame[info.id_attribute].is_unique:
            raise InvalidValue(
                f"The ids of the rows to update ({info.id_attribute}) must be unique, none null."
            )
        return self._store.update(info, write_table(frame, info, info.names))

    def delete(self, name: str, ids: Iterable[int]) -> Ids:
        """Remove rows by their ids.

        Returns:
            The ids that were there.

        Raises:
            NotFound: There is no such layer.
            Forbidden: The layer is not the user's.
        """
        info = self._edited(name)
        gone = self._store.delete(info, _ids(ids))
        self.rasters.remove(info, gone.tolist())
        return gone

    def write(self, name: str, frame: "pd.DataFrame", *, like: LayerInfo | None = None) -> LayerInfo:
        """Make a layer of a frame's columns and rows; types are inferred.

        Polygons and lines make layers of multi polygons and multi lines; mixed geometries one of any.

        Args:
            name: The new layer.
            frame: A GeoDataFrame makes a layer, any other a table.
            like: Whose alias, description and, where names are equal, aliases of attributes it inherits.

        Raises:
            InvalidValue: The frame cannot be a layer.
            Conflict: The name is taken.
            Forbidden: The namespace is not the user's.
        """
        from gpserver.layers.table import described

        frame, info = described(name, frame, like)
        info = self.create(info)
        try:
            self.append(name, frame)
        except BaseException:
            self._store.drop(info)
            raise
        return self.find(name)

    def select(self, select: "Select", *, limit: int | None = None, offset: int = 0) -> "pd.DataFrame":
        """Run a read SELECT over the layers that it names.

        Args:
            select: What ``gpserver.eql.read_select`` or ``read_where`` made.
            limit: The most rows.
            offset: Rows to leave out before them.

        Raises:
            NotFound: It names a layer that is not there.
            InvalidValue: The SELECT cannot be run; the text is the engine's.
        """
        layers = {name: self.find(name) for name in select.layers}
        for info in layers.values():
            if is_virtual(info):
                raise InvalidValue(
                    f"{info.name} has no rows of its own: name the tables of its SELECT instead."
                )
        frame: pd.DataFrame = self._store.select(select, layers, limit, offset)
        return frame

    def extent(self, name: str) -> Box | None:
        """xmin, ymin, xmax, ymax of all geometries in the layer's spatial reference, or None.

        Raises:
            NotFound: There is no such layer.
        """
        info = self.find(name)
        if not is_virtual(info):
            return self._store.extent(info)
        frame = self.read(name, [info.geometry_attribute] if info.geometry_attribute else [])
        bounds = frame.geometry.total_bounds if info.geometry_attribute and len(frame) else [np.nan]
        if np.isnan(bounds).any():
            return None
        xmin, ymin, xmax, ymax = map(float, bounds)
        return xmin, ymin, xmax, ymax

    def sweep(self, before: float) -> None:
        """Drop what is temporary and was not changed since ``before`` (epoch seconds), and leftovers."""
        self._store.sweep(before)
        self.rasters.sweep(lambda: {info.id for info in self._store.all()}, before)
        self.resources.sweep(before)

    def close(self) -> None:
        """Let go of files and connections; what is used again is opened again."""
        self._store.close()
        self.resources.close()

    def _seen(self, name: str) -> LayerInfo | None:
        info = self._store.get(name, self._rights.name) if is_name(name) else None
        return info if info is not None and self._rights.reads(info) else None

    def _shown(self, info: LayerInfo, columns: list[str], ids: Ids | None) -> "pd.DataFrame":
        """The rows that a layer without any shows."""
        frame: pd.DataFrame = self.select(rows_of(info, columns))
        return frame if ids is None else frame[frame[info.id_attribute].isin(ids)]

    def _edited(self, name: str) -> LayerInfo:
        """The layer whose rows are changed by whoever changes those of a layer of this name."""
        info = self._mine(table_of(self.find(name)))
        if is_virtual(info):
            raise InvalidValue(f"{name} shows the rows of a SELECT: change those of its tables instead.")
        return info

    def _mine(self, name: str) -> LayerInfo:
        info = self.find(name)
        self._admit(info)
        return info

    def _admit(self, info: LayerInfo) -> None:
        if not self._rights.writes(info):
            own = self._rights.name or "of a user"
            raise Forbidden(f"The layer {info.name} cannot be changed here: the namespace is not {own}.")

    def _owner(self, given: str) -> str:
        return given if given and self._rights.all else self._rights.name


def _ids(ids: Iterable[int]) -> Ids:
    try:
        return np.unique(np.fromiter(ids, np.int64))
    except (TypeError, ValueError, OverflowError):
        raise InvalidValue("The ids of rows are whole numbers of 64 bits.") from None


def _narrowed(
    frame: "pd.DataFrame", info: LayerInfo, wanted: list[str], where: "Expression | None"
) -> "pd.DataFrame":
    """The rows and columns that were asked for, of those that were read."""
    import pandas as pd

    if where is not None:
        frame = frame[where.mask(frame)]
    frame = frame.reset_index(drop=True)[wanted]
    return frame if info.geometry_attribute in wanted else pd.DataFrame(frame)
