"""What a recording has so far, and the cassette that is made of it."""

import logging
import threading
from pathlib import Path

from gpserver.cassettes.cassette import Cassette, Exchange
from gpserver.cassettes.file import write_cassette
from gpserver.cassettes.redaction import Redaction

_log = logging.getLogger(__name__)

_MOST = 512 << 20  # bytes of bodies in memory


class Tape:
    """Exchanges in the order in which they began; safe to use from any thread.

    Args:
        path: Of the cassette; what was there is replaced once something was recorded.
        redaction: What takes secrets out.
        template: A cassette without exchanges: what it says of itself.
    """

    def __init__(self, path: Path, redaction: Redaction, template: Cassette) -> None:
        self._path, self._redaction, self._template = path, redaction, template
        self._exchanges: list[Exchange] = []
        self._size, self._saved, self._learned = 0, 0, 0
        self._adding, self._saving = threading.Lock(), threading.Lock()

    def __len__(self) -> int:
        return len(self._exchanges)

    def add(self, exchange: Exchange) -> None:
        """Hear of an exchange; what is over the limit of memory is passed over, and said to be."""
        with self._adding:
            size = self._size + len(exchange.sent) + len(exchange.body)
            if size > _MOST:
                _log.error("The cassette is full (%d bytes): %s is not in it.", _MOST, exchange.url)
                return
            self._size = size
            self._exchanges.append(exchange)

    def save(self) -> None:
        """Write the cassette, unless nothing came since; who reads it meanwhile sees the old one or the new.

        Raises:
            OSError: It cannot be written.
        """
        with self._saving:
            with self._adding:
                exchanges = sorted(self._exchanges, key=lambda exchange: exchange.started)
                new = self._exchanges[self._learned :]
            if len(exchanges) == self._saved:
                return
            for exchange in new:
                self._redaction.learn(exchange)
            # Only now: a secret may have stood in what came before it was known to be one.
            redacted = tuple(map(self._redaction, exchanges))
            write_cassette(self._path, Cassette(redacted, self._template.fields, self._template.moved))
            self._saved = self._learned = len(exchanges)
