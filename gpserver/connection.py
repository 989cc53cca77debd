"""The HTTP of our servers: uvicorn's, which does not hear offers to change to HTTP/2."""

import re

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_OFFER = re.compile(rb"(\r\nUpgrade)(:[ \t]*h2c[ \t]*\r\n)", re.IGNORECASE)


class Protocol(HttpToolsProtocol):
    """One connection.

    A client that speaks HTTP/2 may offer that with its first request, as Java's HttpClient does by default; a
    server that will not simply answers (RFC 9110 section 7.8). httptools takes whatever follows such a head
    for another protocol, so that the body of a POST would be lost: it must not see the offer.
    """

    def data_received(self, data: bytes) -> None:
        """Something came."""
        if b"h2c" in data and (self.cycle is None or not self.cycle.more_body):
            head, end, body = data.partition(b"\r\n\r\n")
            data = _OFFER.sub(rb"\1-Offered\2", head + end) + body
        super().data_received(data)
