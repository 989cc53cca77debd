"""A cassette: exchanges between clients and one server, kept as a HAR 1.2 file."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from gpserver.cassettes.asked import Asked, asked_of
from gpserver.cassettes.origins import origin_of

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer.

    Attributes:
        method: In capitals.
        url: Absolute.
        asked: The headers of the request.
        sent: Its body.
        started: When it began, in epoch seconds.
        seconds: How long it took.
        status: Of HTTP.
        answered: The headers of the answer.
        body: Its body, without any content encoding.
        note: What is to be said of it.
    """

    method: str
    url: str
    asked: Headers
    sent: bytes
    started: float
    seconds: float
    status: int
    answered: Headers
    body: bytes
    note: str = ""

    @property
    def submits(self) -> bool:
        """Whether it may have begun something, such as a job."""
        return self.method not in ("GET", "HEAD") or urlsplit(self.url).path.rstrip("/").endswith(
            "/submitJob"
        )


@dataclass(frozen=True)
class Cassette:
    """What was recorded.

    Attributes:
        exchanges: In the order in which they began.
        fields: Names of parameters, fields and keys whose values were replaced.
        moved: Whether the coordinates are not where they were.
    """

    exchanges: tuple[Exchange, ...] = ()
    fields: tuple[str, ...] = ()
    moved: bool = False

    @cached_property
    def origins(self) -> list[str]:
        """The servers that were asked, the most asked first."""
        return [origin for origin, _ in Counter(origin_of(item.url) for item in self.exchanges).most_common()]

    @property
    def root(self) -> str:
        """Where its services are below the host: ``/arcgis/rest/services``, ``/sp``, or nothing known."""
        for exchange in self.exchanges:
            head, rest, _ = urlsplit(exchange.url).path.partition("/rest/services")
            if rest:
                return head + rest
        return "/sp" if any(urlsplit(item.url).path.startswith("/sp/") for item in self.exchanges) else ""


def media_type_of(headers: Headers) -> str:
    """The content type that headers tell, with its parameters."""
    return next((value for name, value in headers if name.lower() == "content-type"), "")


def asked_in(exchange: Exchange) -> Asked:
    """What a recorded request asks for."""
    part = next((value for name, value in exchange.asked if name.lower() == "range"), "")
    return asked_of(exchange.method, exchange.url, media_type_of(exchange.asked), exchange.sent, part)
