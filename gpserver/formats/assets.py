"""What pages are made of beside their text: the style sheet, scripts, and the outline of the land."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from gpserver.errors import NotFound
from gpserver.formats.resource import Body

PLACE = "/arcgis/rest/static"
"""Where they are served."""

_FOLDER = Path(__file__).parent / "static"
# Only what is listed here is ever read, so no path of a request becomes the path of a file.
_FILES: Mapping[str, Path] = {
    path.relative_to(_FOLDER).as_posix(): path for path in sorted(_FOLDER.rglob("*")) if path.is_file()
}
_MEDIA_TYPES = {
    ".css": "text/css;charset=UTF-8",
    ".js": "text/javascript;charset=UTF-8",
    ".json": "application/json;charset=UTF-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}


def asset(name: str) -> Body:
    """A file by its path below ``static``.

    Raises:
        NotFound: There is no such file.
    """
    path = _FILES.get(name)
    if path is None:
        raise NotFound(f"There is no file {name}.")
    return Body(path.read_bytes(), _MEDIA_TYPES.get(path.suffix, "text/plain;charset=UTF-8"))


@cache
def version(name: str) -> str:
    """What changes with the content of a file."""
    return hashlib.sha256(_FILES[name].read_bytes()).hexdigest()[:16]


def link(name: str) -> str:
    """The URL of a file, a new one for every content: browsers may keep what they got under it for ever."""
    return f"{PLACE}/{name}?v={version(name)}"
