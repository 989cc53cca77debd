"""GPRasterDataLayer: a raster that a task makes."""

from pathlib import Path
from typing import Any, ClassVar

from gpserver.datatypes.base import DataType, Stored, quote
from gpserver.errors import InvalidValue
from gpserver.rasters import Raster, write_raster


class GPRasterDataLayer(DataType):
    """A raster; it leaves as a GeoTIFF file, or drawn on the result map."""

    name = "GPRasterDataLayer"
    python: ClassVar[tuple[type, ...]] = (Raster,)

    def read(self, value: object) -> Raster:
        """Refuse a raster: raster inputs are declared and described, but not read yet."""
        raise InvalidValue("Raster inputs are not supported by this version yet; leave the parameter empty.")

    def write(self, value: Any) -> dict[str, str]:
        """Give the form of the file; whoever knows the server's address makes a URL of it."""
        return {"url": "", "format": "tif"}

    def empty(self) -> dict[str, Any]:
        """Give no raster."""
        return {}

    def save(self, value: object, folder: Path, name: str) -> Stored:
        """Write the GeoTIFF."""
        if not isinstance(value, Raster):
            raise InvalidValue(f"A Raster is expected, not {quote(type(value).__name__)}.")
        write_raster(value, folder / f"{name}.tif")
        return Stored(file=f"{name}.tif")
