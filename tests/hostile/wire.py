"""Requests as no client library would send them: any bytes in any place."""

import http.client
import io
import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_from_bytes, urlsplit

BOUNDARY = b"x-boundary"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def send(
    url: str, method: str, target: bytes, headers: dict[bytes, bytes] | None = None, body: bytes = b""
) -> Answer | None:
    """Send one request as it is; None where the server hung up, as it may on what is no HTTP."""
    place = urlsplit(url)
    all_headers = {b"Host": place.netloc.encode()} | (headers or {})
    lines = [b"%s %s HTTP/1.1" % (method.encode(), target)]
    lines += [b"%s: %s" % item for item in all_headers.items()]
    lines += [b"Content-Length: %d" % len(body), b"Connection: close", b"", b""]
    with socket.create_connection((place.hostname or "", place.port or 80), timeout=90) as line:
        line.sendall(b"\r\n".join(lines) + body)
        response = http.client.HTTPResponse(line, method=method)
        try:
            response.begin()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        except (http.client.BadStatusLine, ConnectionError):
            return None


def encoded(text: str | bytes) -> bytes:
    """Percent-encoded, lone surrogates included."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return quote_from_bytes(raw, safe="").encode()


def form(pairs: list[tuple[str, str]]) -> bytes:
    """A query string, or the body of a form."""
    return b"&".join(encoded(name) + b"=" + encoded(value) for name, value in pairs)


def multipart(pairs: list[tuple[str, str]]) -> bytes:
    """A multipart body; names stand in it as they are, whatever they break."""
    body = io.BytesIO()
    for name, value in pairs:
        raw = name.encode("utf-8", "surrogatepass"), value.encode("utf-8", "surrogatepass")
        body.write(b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (BOUNDARY, *raw))
    body.write(b"--%s--\r\n" % BOUNDARY)
    return body.getvalue()
