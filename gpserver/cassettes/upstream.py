"""Connections to the real server, and what to tell when it cannot be reached."""

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpcore

from gpserver.cassettes.origins import origin_of
from gpserver.errors import GPServerError

TIMEOUT = {"connect": 10.0, "read": 600.0, "write": 600.0, "pool": 600.0}
"""Seconds; a synchronous task may take its ten minutes."""

OF_CONNECTION = frozenset({
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade"),
    *("transfer-encoding", "content-encoding"),
})  # fmt: skip
"""Headers of a connection, and not of what is said on it."""

NOT_PASSED_ON = OF_CONNECTION | {
    *("host", "content-length", "accept-encoding", "expect", "if-none-match", "if-modified-since"),
}
"""Headers of a request that are made anew, or would have the server answer half or not readably."""

_log = logging.getLogger(__name__)


class Unreachable(GPServerError):
    """A real server that cannot be asked; the text says why, and what to do."""


def tls(insecure: bool) -> ssl.SSLContext:
    """How connections are encrypted: by the authorities of this machine, and those of ``SSL_CERT_FILE``.

    Args:
        insecure: Whether any certificate is believed.
    """
    context = ssl.create_default_context()
    if insecure:
        _log.warning("No certificate is checked: whoever is between may read and change everything.")
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def checked_origin(url: str) -> str:
    """The origin of a server's URL.

    Raises:
        GPServerError: It is no http or https URL.
    """
    try:
        parts = urlsplit(url)
        origin = origin_of(url)
    except ValueError:
        raise GPServerError(f"{url!r} is not a URL.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise GPServerError(f"Name the server by its http or https URL, and without a user: not {url!r}.")
    return origin


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn the errors of the network into one that a person can act on."""
    origin = origin_of(url)
    try:
        yield
    except httpcore.TimeoutException:
        raise Unreachable(f"{origin} did not answer in time.") from None
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise Unreachable(_reason(origin, error)) from None


def _reason(origin: str, error: Exception) -> str:
    cause: BaseException | None = error
    while cause and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"The certificate of {origin} is not trusted: {cause.verify_message}. Name the file of its"
            " authority in the variable SSL_CERT_FILE, or use --insecure where nobody can be in between."
        )
    return f"{origin} cannot be reached: {str(error).rstrip('.') or type(error).__name__}."
