"""GPRasterDataLayer and GPRasterData: a raster, by URL or item id, or one that a task makes."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from gpserver.archives import found_in
from gpserver.datatypes.base import DataType, Source, Stored
from gpserver.datatypes.raw import quote
from gpserver.errors import InvalidValue
from gpserver.rasters import Raster, read_raster, write_raster

# What is looked for in an archive; files beside it, such as a world file, are unpacked with it.
_FILES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".jp2", ".asc", ".hgt", ".bmp", ".gif", ".webp")
_IMAGE_SERVICE = re.compile(r"/ImageServer/?(\?|$)", re.IGNORECASE)


class GPRasterDataLayer(DataType):
    """A raster; it comes as a file, and leaves as a GeoTIFF file or drawn on the result map."""

    name = "GPRasterDataLayer"
    python: ClassVar[tuple[type, ...]] = (Raster,)
    refers = True

    def read(self, value: object) -> Raster:
        """Refuse a raster that is not somewhere."""
        raise InvalidValue(f'{quote(value)} is not a raster; send {{"url": …}} or {{"itemID": …}}.')

    def fetch(self, reference: Mapping[str, Any], source: Source) -> Raster:
        """Read the file of a raster, or the one in an archive."""
        if _IMAGE_SERVICE.search(str(reference.get("url", ""))):
            raise InvalidValue("Image services are not supported; send the URL of a file such as a GeoTIFF.")
        return read_raster(found_in(source.file(reference), _FILES))

    def load(self, place: Any) -> Raster:
        """Give a raster that a publisher named, by its file, a function, or itself."""
        found = super().load(place)
        return found if isinstance(found, Raster) else read_raster(Path(found))

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


class GPRasterData(GPRasterDataLayer):
    """The same under the name that services had before ArcGIS 10."""

    name = "GPRasterData"
