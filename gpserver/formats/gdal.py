"""Features and rows as files that GDAL writes, in a folder that is gone before anything of them is sent."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from gpserver.features import wkb
from gpserver.features.selection import Selection

_SOMEWHERE = 'LOCAL_CS["unknown"]'  # coordinates of which nobody says where they are


@contextmanager
def files(
    selection: Selection, name: str, driver: str, names: Sequence[str], geometry: str, **options: str
) -> Iterator[list[IO[bytes]]]:
    """The files of a layer, open as long as this context is; nobody can find them any more.

    Args:
        selection: What is written.
        name: The name of the layer; with a suffix that of its first file.
        driver: GDAL's name of the format.
        names: What the columns of the fields are called.
        geometry: What the column of the geometries is called.
        options: Those of a layer of that format.
    """
    # It brings a GDAL, which a server that writes no files need not load.
    import pyogrio

    with ExitStack() as stack:
        with TemporaryDirectory(prefix="gpserver-") as folder:
            pyogrio.write_arrow(
                wkb.batches(selection, names, geometry),
                Path(folder) / Path(name).name,
                layer=Path(name).stem,
                driver=driver,
                geometry_name=geometry if selection.geometry_type else None,
                geometry_type=wkb.geometry_type(selection),
                crs=selection.crs.to_wkt() if selection.crs else _SOMEWHERE,
                layer_options=options,
            )
            opened: list[IO[bytes]] = [
                stack.enter_context(path.open("rb")) for path in sorted(Path(folder).iterdir())
            ]
        yield opened
