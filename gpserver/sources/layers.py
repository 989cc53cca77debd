"""Reads a layer of a feature or map service, or a query of one, page by page."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import orjson

from gpserver.errors import InvalidValue
from gpserver.sources.answer import read_answer, read_members

if TYPE_CHECKING:
    from gpserver.fetch import Fetcher

_LAYER = re.compile(r"/(MapServer|FeatureServer)/(.+/)?\d+/?$", re.IGNORECASE)
_QUERY = re.compile(r"/query/?$", re.IGNORECASE)
_MOST_PAGES = 10_000

Parameters = Mapping[str, str]


def is_layer(url: str) -> bool:
    """Whether a URL is that of a layer or a table of a service."""
    return bool(_LAYER.search(path_of(url)))


def is_query(url: str) -> bool:
    """Whether a URL is that of a layer's query."""
    return bool(_QUERY.search(path_of(url)))


def layer_pages(fetcher: "Fetcher", reference: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """The features of a layer that its ``filter`` and ``time`` let through, as Esri JSON.

    Args:
        fetcher: Fetches.
        reference: ``url``, and perhaps ``filter``, ``time`` and ``token``.
        folder: Where the pages go.

    Raises:
        InvalidValue: It is no layer of features, or cannot be read to its end.
    """
    url, token = str(reference["url"]), _token(reference)
    fetcher.get(with_parameters(url, token | {"f": "json"}), folder / "layer.json")
    facts = read_members(folder / "layer.json")
    if "fields" not in facts or "layers" in facts:
        raise InvalidValue("The URL is not that of a layer with features; name one layer of the service.")
    wanted = token | {"f": "json", "where": str(reference.get("filter") or "1=1"), "outFields": "*"}
    wanted |= {"returnGeometry": "true", "returnZ": "true", "returnM": "true"}
    if reference.get("time") not in (None, ""):
        wanted["time"] = _time(reference["time"])
    able = facts.get("advancedQueryCapabilities")
    able = able if isinstance(able, dict) else {}
    in_pages = bool(able.get("supportsPagination"))
    if in_pages and able.get("supportsOrderBy") and (key := facts.get("objectIdField")):
        wanted["orderByFields"] = str(key)  # pages of no order may overlap
    place = urlsplit(url)
    query = urlunsplit(place._replace(path=f"{place.path.rstrip('/')}/query"))
    yield from _pages(fetcher, with_parameters(query, wanted), folder, in_pages=in_pages)


def query_pages(fetcher: "Fetcher", reference: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """The answer to a query as it is, and what comes after it where the server says that there is more.

    Raises:
        InvalidValue: It cannot be read to its end.
    """
    url = str(reference["url"])
    given = {name.lower(): value for name, value in parse_qsl(urlsplit(url).query)}
    # Other formats are for people, or do not say whether there is more.
    form = "geojson" if given.get("f", "").lower() == "geojson" else "json"
    url = with_parameters(url, _token(reference) | {"f": form})
    if "resultrecordcount" in given:  # who asks for so many gets so many
        fetcher.get(url, folder / "0.json")
        read_answer(folder / "0.json")
        yield folder / "0.json"
        return
    first = given.get("resultoffset", "")
    yield from _pages(fetcher, url, folder, offset=int(first) if first.isdecimal() else 0)


def _pages(
    fetcher: "Fetcher", url: str, folder: Path, *, offset: int = 0, in_pages: bool = True
) -> Iterator[Path]:
    before = b""
    for number in range(_MOST_PAGES):
        path = folder / f"{number}.json"
        fetcher.get(with_parameters(url, {"resultOffset": str(offset)}) if number else url, path)
        answer = read_answer(path)
        if answer.digest == before:
            raise InvalidValue("The server of the URL gives the same page over and over.")
        yield path
        if not answer.has_more:
            return
        if not in_pages:
            raise InvalidValue("The layer has more features than it gives at once, and cannot give pages.")
        offset, before = offset + len(answer.features or ()), answer.digest
    raise InvalidValue(f"The layer has more than {_MOST_PAGES} pages.")


def with_parameters(url: str, parameters: Parameters) -> str:
    """The URL with these parameters instead of its own of the same names."""
    parts, names = urlsplit(url), {name.lower() for name in parameters}
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0].lower() not in names]
    return urlunsplit(parts._replace(query=urlencode([*kept, *parameters.items()], quote_via=quote)))


def _token(reference: Mapping[str, Any]) -> dict[str, str]:
    token = reference.get("token")
    return {"token": str(token)} if token else {}


def _time(value: Any) -> str:
    """An instant or an extent, which may be a list: ``a``, ``a,b`` or ``a,null``."""
    if isinstance(value, list):
        return ",".join("null" if end is None else str(end) for end in value)
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def path_of(url: str) -> str:
    """The path of a URL; empty for what is none."""
    try:
        return urlsplit(url).path
    except ValueError:
        return ""
