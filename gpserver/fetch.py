"""Fetches what a client names by URL, and posts to it: at addresses that may be reached, within limits."""

import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import httpcore

from gpserver.addresses import Allowed, Reach, Resolver, addresses_of, checked_url, permitted, shown
from gpserver.errors import InvalidValue

_REDIRECTS = 3
_CONNECT = 10.0  # seconds until the next address of a host is tried
_MOVED = {301, 302, 303, 307, 308}
_BLOCK = 1 << 20
_GZIP = 16 + zlib.MAX_WBITS
_HEADERS = [("User-Agent", "gpserver"), ("Accept", "*/*"), ("Accept-Encoding", "gzip")]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the server said of a fetched file: its name, and its media type without parameters."""

    name: str
    media_type: str


class Fetcher:
    """Fetches for one job: GET of http and https, no proxy, no cookies, no credentials.

    Every address is checked when it is connected to, and exactly the checked address is connected to, so
    neither a redirect nor a second answer of a name server leads elsewhere.

    Args:
        reach: Where to, how much, how long.
        resolve: Gives the addresses of a host and port.
    """

    def __init__(self, reach: Reach, resolve: Resolver = addresses_of) -> None:
        self._bytes, self._seconds = reach.size, reach.seconds
        self._reach, self._until = reach, 0.0
        network = _Network(Allowed(reach.allowed), resolve, self._time_left)
        self._pool = httpcore.ConnectionPool(network_backend=network, max_connections=1)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._pool.close()

    def get(self, url: str, path: Path) -> Fetched:
        """Fetch a file to ``path``.

        Raises:
            InvalidValue: The URL is none, may not be reached or does not answer 200, or the answer is over
                the limits; the text never shows the query of the URL, where tokens are.
        """
        place = checked_url(url)
        started = time.monotonic()
        self._until = started + self._seconds
        try:
            with _explained(place):
                return self._follow(place, path)
        finally:
            self._seconds -= time.monotonic() - started

    def _follow(self, url: str, path: Path) -> Fetched:
        for _ in range(_REDIRECTS + 1):
            with self._pool.stream("GET", url, headers=_HEADERS) as response:
                headers = {name.decode("latin-1").lower(): _text(value) for name, value in response.headers}
                if response.status == 200:
                    self._save(response.iter_stream(), headers.get("content-encoding", ""), path)
                    return _described(url, headers)
                if response.status not in _MOVED or "location" not in headers:
                    raise InvalidValue(f"{shown(url)} answered with the HTTP status {response.status}.")
            url = checked_url(urljoin(url, headers["location"]))
        raise InvalidValue(f"{shown(url)} is behind more than {_REDIRECTS} redirects.")

    def _save(self, chunks: Iterable[bytes], encoding: str, path: Path) -> None:
        if encoding not in ("", "identity", "gzip"):
            raise InvalidValue(f"The answer has the content encoding {encoding}, which was not asked for.")
        with path.open("wb") as file:
            for piece in _unpacked(chunks) if encoding == "gzip" else chunks:
                self._bytes -= len(piece)
                if self._bytes < 0:
                    raise InvalidValue(f"Inputs by URL are over the limit of {self._reach.size} bytes.")
                file.write(piece)

    def _time_left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise InvalidValue(f"Inputs by URL took longer than {self._reach.seconds:g} seconds.")
        return left


def post(
    url: str,
    content: bytes,
    headers: Mapping[str, str],
    allowed: Allowed,
    seconds: float,
    resolve: Resolver = addresses_of,
) -> int:
    """Send a body to a place that may be reached; gives the HTTP status, and reads no more of the answer.

    Raises:
        InvalidValue: The URL is none, may not be reached, or does not answer within the seconds.
    """
    place, until = checked_url(url), time.monotonic() + seconds

    def left() -> float:
        if (rest := until - time.monotonic()) <= 0:
            raise InvalidValue(f"{shown(place)} took longer than {seconds:g} seconds.")
        return rest

    sent = [("User-Agent", "gpserver"), ("Connection", "close"), *headers.items()]
    with (
        _explained(place),
        httpcore.ConnectionPool(network_backend=_Network(allowed, resolve, left)) as pool,
        pool.stream("POST", place, headers=sent, content=content) as answer,
    ):
        return answer.status


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Turn the errors of the network into one that a user can read."""
    try:
        yield
    except httpcore.TimeoutException:
        raise InvalidValue(f"{shown(url)} did not answer in time.") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, zlib.error) as error:
        raise InvalidValue(f"{shown(url)} cannot be fetched: {str(error).rstrip('.')}.") from None


def _unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Undo gzip, never more than a block at a time, however much a few bytes become."""
    decoder = zlib.decompressobj(_GZIP)
    for chunk in chunks:
        while chunk and not decoder.eof:
            yield decoder.decompress(chunk, _BLOCK)
            chunk = decoder.unconsumed_tail
    if not decoder.eof:
        raise zlib.error("the gzip stream ends too early")


def _described(url: str, headers: dict[str, str]) -> Fetched:
    said = Message()
    said["content-disposition"] = headers.get("content-disposition", "")
    name = said.get_filename() or unquote(urlsplit(url).path).rpartition("/")[2]
    return Fetched(name, headers.get("content-type", "").partition(";")[0].strip().lower())


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace").strip()


class _Network(httpcore.NetworkBackend):
    """Connects to addresses that are allowed, and to no other."""

    def __init__(self, allowed: Allowed, resolve: Resolver, left: Callable[[], float]) -> None:
        self._allowed, self._resolve, self._left = allowed, resolve, left
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of the host that answers."""
        failure: Exception | None = None
        for address in permitted(host, port, self._allowed, self._resolve):
            try:
                wait = min(self._left(), _CONNECT)
                return _Stream(self._sockets.connect_tcp(str(address), port, wait), self._left)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        assert failure  # there is an address, and it was tried
        raise failure


class _Stream(httpcore.NetworkStream):
    """A connection on which whatever happens counts for one time limit, however slowly it drips."""

    def __init__(self, stream: httpcore.NetworkStream, left: Callable[[], float]) -> None:
        self._stream, self._left = stream, left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has arrived."""
        return self._stream.read(max_bytes, self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        self._stream.write(buffer, self._left())

    def close(self) -> None:
        """Hang up."""
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Encrypt; the certificate must be that of the host's name."""
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, self._left()), self._left)

    def get_extra_info(self, info: str) -> Any:
        """What the connection knows of itself."""
        return self._stream.get_extra_info(info)
