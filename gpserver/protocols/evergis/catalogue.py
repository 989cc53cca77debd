"""Everything that a user keeps as items of one catalogue: folders and files, layers and their tables."""

import mimetypes
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gpserver.errors import NotFound
from gpserver.evergis.published import is_layer, is_virtual
from gpserver.evergis.steps import moment
from gpserver.layers import LayerInfo, Layers, Resource
from gpserver.protocols.evergis.layerinfo import PERMISSIONS, geometry_type, table_id

TASK = ".task"
"""How the name of a folder ends that is a task resource."""


@dataclass(frozen=True)
class Item:
    """One item: a folder or file, or a layer, or the table behind a layer.

    Attributes:
        type: ``Directory``, ``TaskPrototype``, ``File``, ``Layer`` or ``Table``.
        resource: The folder or file.
        layer: The layer, or that in front of the table.
    """

    type: str
    resource: Resource | None = None
    layer: LayerInfo | None = None

    @property
    def id(self) -> str:
        """32 hexadecimal digits."""
        if self.layer:
            return self.layer.id if self.type == "Layer" else table_id(self.layer)
        assert self.resource
        return self.resource.id

    @property
    def name(self) -> str:
        """The name for people."""
        if self.layer:
            return self.layer.alias or self.layer.name
        assert self.resource
        return self.resource.name

    @property
    def parent(self) -> str:
        """The id of its folder; empty at the top."""
        if self.layer:
            return str(self.layer.configuration.get("parentId") or "")
        assert self.resource
        return self.resource.parent

    @cached_property
    def facts(self) -> dict[str, Any]:
        """A CatalogResourceDc."""
        about = self.layer or self.resource
        assert about
        shared = {
            "resourceId": self.id,
            "type": self.type,
            "name": self.name,
            "description": about.description,
            "owner": about.owner,
            "createdAt": moment(about.created),
            "updatedAt": moment(about.changed),
            "tags": [],
            "permissions": PERMISSIONS,
            "isSystem": False,
            "isSymlink": False,
            "isObservable": self.type in ("Directory", "Layer"),
        }
        parent = {"parentId": self.parent} if self.parent else {}
        return shared | parent | (_of_layer(self.layer) if self.layer else _of_file(about))


class Catalogue:
    """The items that a user sees.

    Args:
        layers: The layers, and the files beside them, as he sees them.
    """

    def __init__(self, layers: Layers) -> None:
        self._layers = layers

    def all(self) -> Iterator[Item]:
        """Every item, folders first."""
        for resource in self._layers.resources.listing():
            yield _item(resource)
        for info in self._layers.all():
            yield from _items(info)

    def find(self, key: str) -> Item:
        """The item of an id, of a path (``owner/Folder/Name``), or of a layer's name.

        Raises:
            NotFound: There is none.
        """
        try:
            return _item(self._layers.resources.resource(key))
        except NotFound:
            return self._layer(
                lambda item: key in (item.id, self.path(item), item.layer and item.layer.name), key
            )

    def path(self, item: Item) -> str:
        """``owner/Folder/Name`` of an item."""
        if item.resource:
            return self._layers.resources.path(item.resource)
        assert item.layer
        folder = item.layer.owner
        if item.parent:
            with suppress(NotFound):  # the folder has gone
                folder = self._layers.resources.path(self._layers.resources.resource(item.parent))
        return f"{folder}/{item.name}"

    def _layer(self, fits: Callable[[Item], bool], key: str) -> Item:
        for info in self._layers.all():
            for item in _items(info):
                if fits(item):
                    return item
        raise NotFound(f"There is no resource {key[:200]}.")


def _item(resource: Resource) -> Item:
    if resource.type == "folder":
        return Item("TaskPrototype" if resource.name.endswith(TASK) else "Directory", resource)
    return Item("File", resource)


def _items(info: LayerInfo) -> Iterator[Item]:
    if is_layer(info):
        yield Item("Layer", layer=info)
    if not is_virtual(info):
        yield Item("Table", layer=info)


def _of_layer(info: LayerInfo) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "systemName": info.name,
        "subtype": "QueryLayerService" if info.kind != "rasters" else "TileCatalogTable",
        "isTemporary": info.is_temporary,
    }
    if info.geometry_attribute:
        facts |= {"geometryType": geometry_type(info), "srid": info.sr_id}
    return facts


def _of_file(resource: Any) -> dict[str, Any]:
    kind = mimetypes.guess_type(resource.name)[0] or "application/octet-stream"
    facts = {"contentType": kind, "size": resource.size} if resource.type == "file" else {}
    return {"isTemporary": resource.temporary, **facts}
