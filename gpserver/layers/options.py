"""What a file does not say of itself, and whoever sends it knows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FileOptions:
    """What a file does not say of itself.

    Attributes:
        layer: Which of its layers (of a workbook: sheets); the first where it is empty.
        encoding: Of a text or a shapefile; empty for what it says, else UTF-8, else Windows-1251.
        delimiter: Of a text; empty for what its first line shows.
        name_row, alias_row, first_row: Where a table has names, aliases (0: nowhere) and data, from 1.
        coordinates: The columns of x and y, or one: of well-known text (``wkt``) or of "latitude; longitude".
        wkt: Whether the one column of ``coordinates`` is well-known text.
        guess: Whether columns of usual names (x and y, lon and lat, wkt) are taken where none are named.
        spatial_reference: EPSG code of a table's coordinates, or of a file that does not say; None: 4326.
        latitude_first: Whether the first of two coordinates is the latitude, as in EverGIS' 4326 of 2023.
    """

    layer: str = ""
    encoding: str = ""
    delimiter: str = ""
    name_row: int = 1
    alias_row: int = 0
    first_row: int = 2
    coordinates: tuple[str, ...] = ()
    wkt: bool = False
    guess: bool = False
    spatial_reference: int | None = None
    latitude_first: bool = False
