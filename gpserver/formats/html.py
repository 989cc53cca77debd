"""Resources as pages of the services directory: plain, complete, no scripting, everything escaped."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined

from gpserver.formats.json import text_of
from gpserver.formats.resource import Body, Resource

_SHOWN = 100_000  # bytes of a value that a page shows; the rest is behind its JSON link
_ROOT = "/arcgis/rest/services"

_pages = Environment(
    loader=PackageLoader("gpserver.formats", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write(resource: Resource) -> Body:
    """The page of a resource."""
    page = _pages.get_template(f"{resource.page}.html")
    text = page.render(
        value=resource.value,
        title=resource.title,
        path=resource.path,
        crumbs=_crumbs(resource.path),
        show=_show,
        quote=quote,
        **resource.facts,
    )
    return Body(text.encode(), "text/html;charset=UTF-8")


def _crumbs(path: str) -> list[tuple[str, str]]:
    """(name, link) of every resource on the way to this one."""
    if not path.startswith(_ROOT):
        return []
    crumbs, link = [("Home", _ROOT)], _ROOT
    for name in path.removeprefix(_ROOT).strip("/").split("/"):
        link += f"/{quote(name)}"
        if name in ("GPServer", "MapServer"):
            crumbs[-1] = (f"{crumbs[-1][0]} ({name})", link)
        elif name and name != "jobs":  # a step of the URL, not a resource
            crumbs.append((name, link))
    return crumbs


def _show(value: Any) -> str:
    """A value as JSON text, cut where a page would become too long to read."""
    text = text_of(value, orjson.OPT_INDENT_2)
    if not isinstance(text, bytes):
        text = b"".join(_until(text, _SHOWN))
    cut = text[:_SHOWN].decode("utf-8", "ignore")
    return cut if len(text) <= _SHOWN else f"{cut}\n… (the JSON link has all of it)"


def _until(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk
        size -= len(chunk)
        if size < 0:
            return
