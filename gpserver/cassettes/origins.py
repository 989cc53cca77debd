"""Absolute URLs in what goes over the wire: those of one server become those of another."""

import re
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

_PORTS = {"http": 80, "https": 443}
_TEXTUAL = ("text/", "json", "xml", "javascript", "urlencoded", "event-stream")


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, in lower case; the scheme's own port is left out."""
    parts = urlsplit(url)
    port = "" if parts.port in (None, _PORTS.get(parts.scheme)) else f":{parts.port}"
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def is_text(media_type: str) -> bool:
    """Whether bodies of a media type are text, in which URLs can be found."""
    return any(word in media_type.lower() for word in _TEXTUAL)


class Rehosting:
    """Puts one origin into the place of others, as they are written plainly, in JSON and in a query.

    Args:
        origins: Such as ``https://gis.example``; without a port, http and https are the same place.
        target: What stands there instead.
    """

    def __init__(self, origins: Iterable[str], target: str) -> None:
        spelled = {item for origin in origins for item in _schemes(origin)}
        self._spellings = {
            form(origin).lower().encode(): form(target).encode() for origin in spelled for form in _FORMS
        }
        longest_first = sorted(self._spellings, key=len, reverse=True)
        forms = b"|".join(map(re.escape, longest_first))
        # What goes on is another host, or another port of it.
        self._pattern = re.compile(b"(?:" + forms + rb")(?![\w.-]|:\d|%3a\d)", re.IGNORECASE)
        self._begun = [form + more for form in longest_first for more in (b"", b":", b"%3a", b".")]
        self._longest = max(map(len, self._begun), default=0)

    def __call__(self, data: bytes) -> bytes:
        """The same with all URLs of the origins led elsewhere."""
        if not self._spellings:
            return data
        return self._pattern.sub(lambda found: self._spellings[found[0].lower()], data)

    def text(self, text: str) -> str:
        """The same for text."""
        return self(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def settled(self, data: bytes) -> int:
        """Up to where no byte belongs to a URL that may not have arrived whole."""
        lower = data[-self._longest :].lower()
        for start in range(len(lower)):
            if any(form.startswith(lower[start:]) for form in self._begun):
                return len(data) - len(lower) + start
        return len(data)


class Stream:
    """Rehosts a body that arrives in pieces; holds back no more than what may be the begin of a URL."""

    def __init__(self, rehosting: Rehosting) -> None:
        self._rehosting, self._rest = rehosting, b""

    def feed(self, piece: bytes) -> bytes:
        """The next piece, as far as it can be said."""
        data = self._rest + piece
        cut = self._rehosting.settled(data)
        self._rest = data[cut:]
        return self._rehosting(data[:cut])

    def end(self) -> bytes:
        """What was held back."""
        return self._rehosting(self._rest)


def _schemes(origin: str) -> list[str]:
    parts = urlsplit(origin)
    if parts.port is not None:
        return [origin]
    return [f"{scheme}://{parts.netloc}" for scheme in _PORTS]


def _in_json(origin: str) -> str:
    return origin.replace("/", "\\/")


def _in_query(origin: str) -> str:
    return quote(origin, safe="")


def _in_query_of_javascript(origin: str) -> str:
    return quote(origin, safe=":")


_FORMS = (str, _in_json, _in_query, _in_query_of_javascript)
