"""The port behind ``Layers``: whoever keeps the rows of named layers fills it; rows are Arrow tables."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gpserver.layers.info import LayerInfo

if TYPE_CHECKING:
    from gpserver.eql import Select

Ids = np.ndarray[Any, np.dtype[np.int64]]
Box = tuple[float, float, float, float]


class LayerStore(Protocol):
    """Rows and facts of layers. Facts are sound, tables fit them (``layers.table``), rights are checked.

    Safe to use from several threads and several processes at once. A method that is given facts raises
    NotFound where the layer was dropped since, and Conflict where its attributes were changed since.
    """

    def add(self, info: LayerInfo) -> LayerInfo:
        """Keep a new layer without rows; gives it its id. Raises Conflict when the name is taken."""

    def get(self, name: str, owner: str) -> LayerInfo | None:
        """The layer of a name; ``owner`` tells temporary layers of the same name apart."""

    def all(self) -> list[LayerInfo]:
        """Every layer, by name."""

    def change(self, old: LayerInfo, new: LayerInfo) -> LayerInfo:
        """Replace the facts of a layer, except ``attributes``. Raises Conflict when a new name is taken."""

    def reshape(self, old: LayerInfo, new: LayerInfo, names: Mapping[str, str]) -> LayerInfo:
        """Replace the attributes; ``names`` says which old attribute each kept one was (new -> old)."""

    def drop(self, info: LayerInfo) -> None:
        """Forget a layer and its rows."""

    def read(self, info: LayerInfo, columns: list[str], ids: Ids | None = None) -> Any:
        """The rows, or those of these ids, in the order of their ids: the named columns, geometry as WKB."""

    def ids_in(self, info: LayerInfo, window: Box, most: int | None) -> Ids:
        """The ids of rows whose boxes touch a window, compared in single precision or better, ascending; of
        more than ``most`` those with the longest sides."""

    def append(self, info: LayerInfo, table: Any) -> Ids:
        """Add rows, all or none; the table has every attribute but the id."""

    def update(self, info: LayerInfo, table: Any) -> Ids:
        """Replace values of rows by id, in the columns that the table has; gives the ids that were there."""

    def delete(self, info: LayerInfo, ids: Ids) -> Ids:
        """Remove rows by id; gives the ids that were there."""

    def extent(self, info: LayerInfo) -> Box | None:
        """The box of all geometries; None where there is none."""

    def select(
        self, select: "Select", layers: Mapping[str, LayerInfo], limit: int | None, offset: int
    ) -> Any:
        """Run a read SELECT over layers by the names that it calls them; gives a frame."""

    def sweep(self, before: float) -> None:
        """Drop temporary layers that nothing has changed since ``before``, and what crashes left behind."""

    def close(self) -> None:
        """Let go of files and connections."""
