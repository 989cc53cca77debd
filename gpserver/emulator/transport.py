"""The connection under a request, for whoever breaks it on purpose."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send

from gpserver.connection import Protocol as Plain

_CONNECTION = "gpserver.connection"
_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: what was not sent is discarded, and the peer gets a reset


class Protocol(Plain):
    """One connection, which the scope of each request knows."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(transport)
        app = cast("ASGIApp", self.app)

        async def connected(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[_CONNECTION] = transport
            await app(scope, receive, send)

        self.app = cast("Callable[..., Awaitable[Any]]", connected)


async def reset(scope: Scope, receive: Receive) -> None:
    """Break the connection as a host does that knows nothing of it: the client sees a reset.

    Raises:
        ConnectionResetError: There is no connection, since the request came in process.
    """
    transport = _transport(scope, ConnectionResetError)
    line = transport.get_extra_info("socket")
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    transport.abort()
    await _gone(receive)


async def close(scope: Scope, receive: Receive) -> None:
    """End the connection in good order, after what was sent so far and before the rest.

    Raises:
        ConnectionAbortedError: There is no connection, since the request came in process.
    """
    transport = _transport(scope, ConnectionAbortedError)
    transport.close()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    """Wait until the connection is no more: whoever ends a request before that is taken for broken."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _transport(scope: Scope, error: type[ConnectionError]) -> asyncio.Transport:
    transport = scope.get("extensions", {}).get(_CONNECTION)
    if transport is None:
        raise error("The connection was broken on purpose.")
    return cast("asyncio.Transport", transport)
