"""Where our servers listen, and their HTTP: uvicorn's, which does not hear offers to change to HTTP/2."""

import re
import socket

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gpserver.errors import GPServerError

# Connections that wait to be accepted; a burst of clients must not see a refused connection.
_BACKLOG = 2048

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


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        GPServerError: The port cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Without the protocol named, asyncio leaves Nagle's algorithm on: 40 ms for a small answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise GPServerError(
            f"Port {port} of {host} cannot be used ({error.strerror}). Try --port 0, which takes a free one."
        ) from None
    return listener
