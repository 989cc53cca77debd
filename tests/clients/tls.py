"""HTTPS in front of a server on loopback, as a proxy would give it, with a certificate that nobody signed."""

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def certificate(folder: Path) -> ssl.SSLContext:
    """A context with a new certificate for 127.0.0.1."""
    key, crt = folder / "key.pem", folder / "crt.pem"
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(crt)]
    subprocess.run([*words.split(), *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    return context


class Front:
    """Listens at once on ``port``; ``target``, the port of the server, may come later."""

    def __init__(self) -> None:
        self.port = self.target = 0
        self.close: Callable[[], object] = lambda: None

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self.target)
        await asyncio.gather(_pump(reader, back_writer), _pump(back_reader, writer))

    async def serve(self, context: ssl.SSLContext, ready: threading.Event) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        self.close = lambda: loop.call_soon_threadsafe(stop.set)
        server = await asyncio.start_server(self._forward, "127.0.0.1", 0, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while block := await reader.read(1 << 16):
            writer.write(block)
            await writer.drain()
    writer.close()


@contextmanager
def front(folder: Path) -> Iterator[Front]:
    """A front that listens until the end of the block."""
    context, found, ready = certificate(folder), Front(), threading.Event()
    thread = threading.Thread(target=asyncio.run, args=[found.serve(context, ready)])
    thread.start()
    assert ready.wait(30)
    yield found
    found.close()
    thread.join()
