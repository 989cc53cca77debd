"""Resources as pages of the services directory: complete without scripting, everything escaped."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import orjson

from gpserver.formats import assets
from gpserver.formats.json import text_of
from gpserver.formats.names import ALWAYS, names_for
from gpserver.formats.resource import Body, Resource
from gpserver.formats.table import Table, table_of, table_of_features

if TYPE_CHECKING:
    from jinja2 import Environment

HEADERS: Mapping[str, str] = {
    # Scripts and styles are files of ours: whatever a job writes into a page, nothing of it ever runs.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-cache",
}
"""What every page is sent with."""

_SHOWN = 100_000  # bytes of a value that a page shows; the rest is behind its JSON link
_ROOT = "/arcgis/rest/services"

UNITS = ":units"
"""What the name of a unit picker in a form ends with; no parameter has a colon in its name."""

LINES = ":lines"
"""What the name of a note beside a text ends with that says that every line is a value of a list."""

FILE = ":file"
"""What the name of a file chooser beside another control ends with."""


def _local(url: str) -> str:
    """A URL of this server without its host: a page may be looked at under another name of it."""
    return urlsplit(url).path


def _web_link(url: Any) -> str:
    """A URL that is safe to follow, whoever wrote it; ``""`` for any other."""
    return url if isinstance(url, str) and url.lower().startswith(("http://", "https://")) else ""


def _paragraphs(text: str) -> list[str]:
    """The paragraphs of a docstring, whose lines end anywhere."""
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


@cache
def _pages() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # clients of services never see a page

    pages = Environment(
        loader=PackageLoader("gpserver.formats", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {
        "local": _local,
        "web_link": _web_link,
        "paragraphs": _paragraphs,
        "quote": quote,
        "basename": lambda path: path.rpartition("/")[2],
    }
    pages.globals |= {
        "root": _ROOT,
        "static": assets.link,
        "units_end": UNITS,
        "lines_end": LINES,
        "file_end": FILE,
    }
    return pages


def write(resource: Resource) -> Body:
    """The page of a resource."""
    page = _pages().get_template(f"{resource.page}.html")
    text = page.render(
        value=resource.value,
        title=resource.title,
        path=quote(resource.path),
        status=resource.status,
        query=resource.query,
        formats=[name for name in names_for(resource) if name not in ALWAYS],
        visitor=resource.visitor,
        crumbs=_crumbs(resource.path),
        features=resource.features,
        table=lambda: _table(resource),
        show=_show,
        **resource.facts,
    )
    return Body(text.encode(), "text/html;charset=UTF-8")


def _crumbs(path: str) -> list[tuple[str, str]]:
    """(name, link) of every resource on the way to this one."""
    if not path.startswith(_ROOT):
        return [("Home", _ROOT)]
    crumbs, link = [("Home", _ROOT), ("services", _ROOT)], _ROOT
    for name in path.removeprefix(_ROOT).strip("/").split("/"):
        link += f"/{quote(name)}"
        if name in ("GPServer", "MapServer"):
            crumbs[-1] = (f"{crumbs[-1][0]} ({name})", link)
        elif name and name != "jobs":  # a step of the URL, not a resource
            crumbs.append((name, link))
    return crumbs


def _table(resource: Resource) -> Table | None:
    """The rows of a resource that has features, or that shows those that a client sent."""
    if resource.features is not None:
        # A person may leaf through a result that is too large for clients to get at once.
        whole = resource.page == "parameter"
        features = replace(resource.features, rows=None) if whole else resource.features
        return table_of(features, resource.facts.get("page_number", 1))
    match resource.value:
        case {"value": {"features": [*items]}} if all(isinstance(item, dict) for item in items):
            return table_of_features(items)
    return None


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
