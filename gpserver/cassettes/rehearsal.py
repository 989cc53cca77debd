"""Sends what was recorded to a server, waits for its jobs, and says what became different."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import httpcore

from gpserver.cassettes.cassette import Cassette, Exchange, Headers, asked_in, media_type_of
from gpserver.cassettes.comparison import Difference, differences
from gpserver.cassettes.identities import (
    births,
    ids_in,
    likenesses,
    renamed,
    renamed_bytes,
)
from gpserver.cassettes.nearness import Masks
from gpserver.cassettes.origins import Rehosting, is_text, origin_of
from gpserver.cassettes.standing import ENDED, standing_in
from gpserver.cassettes.upstream import NOT_PASSED_ON, TIMEOUT, explained

_OWN = NOT_PASSED_ON | {"authorization", "x-esri-authorization", "cookie", "user-agent"}
_CALLER = "redacted-user-1"  # who signed in first when it was recorded
_SIGNS_IN = re.compile(rb"redacted-password-\d+")
_DOES = re.compile(r"/(?:submitJob|cancel|execute)/?$", re.IGNORECASE)
_JOB = re.compile(r"/jobs/[^/]+/?$", re.IGNORECASE)
_FIRST, _LONGEST = 0.05, 2.0  # seconds between two looks at a job


@dataclass(frozen=True, slots=True)
class Target:
    """The server that is asked.

    Attributes:
        url: Its host, or the root of its services where that is another than the recorded one.
        token: What it lets in; empty for none.
        user: Whose that is, for requests that name their sender; empty for nobody in particular.
        user_agent: What is sent as such; empty for what was recorded.
        patience: Seconds that a job may take.
    """

    url: str
    token: str = ""
    user: str = ""
    user_agent: str = ""
    patience: float = 600.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request.

    Attributes:
        request: Method and path, as they were recorded.
        differences: None for an answer like the recorded one.
        skipped: Why it was not sent; empty where it was.
    """

    request: str
    differences: tuple[Difference, ...] = ()
    skipped: str = ""


class Rehearsal:
    """A cassette before a server.

    Args:
        cassette: It.
        target: The server.
        pool: Connections to it.
    """

    def __init__(self, cassette: Cassette, target: Target, pool: httpcore.ConnectionPool) -> None:
        self._exchanges, self._target, self._pool = cassette.exchanges, target, pool
        self._masks = Masks(frozenset(name.lower() for name in cassette.fields), cassette.moved)
        self._births = births(self._exchanges)
        self._born = {name for names in self._births.values() for name in names}
        self._names: dict[str, str] = {}
        self._there = Rehosting(cassette.origins, origin_of(target.url))
        self._roots = _context(cassette.root), _context(urlsplit(target.url).path)

    def outcomes(self) -> Iterator[Outcome]:
        """What comes of one request after the other.

        Raises:
            Unreachable: The server does not answer.
        """
        for place, recorded in enumerate(self._exchanges):
            request = f"{recorded.method} {urlsplit(recorded.url).path}"
            if reason := self._skipped(recorded):
                yield Outcome(request, skipped=reason)
                continue
            now = self._asked(recorded)
            self._names |= likenesses(recorded.body, now.body, self._births.get(place, ()))
            if _is_poll(recorded) and standing_in(recorded.body) != ENDED:
                continue  # how often it has to be asked depends on the machine
            expected = replace(recorded, body=self._here(recorded))
            yield Outcome(request, tuple(differences(expected, now, self._masks)))

    def _skipped(self, recorded: Exchange) -> str:
        if _SIGNS_IN.search(recorded.sent + recorded.url.encode()):
            return "it signs in, and the password is not in the cassette: see --token"
        missing = {
            name for name in ids_in(recorded.url, recorded.sent) if name in self._born
        } - self._names.keys()
        return f"nothing became of {', '.join(sorted(missing))}" if missing else ""

    def _asked(self, recorded: Exchange) -> Exchange:
        """The answer now; of a job once it is as far as it was."""
        now, pause = self._send(recorded), _FIRST
        wanted = standing_in(recorded.body) if _is_poll(recorded) else None
        until = time.monotonic() + self._target.patience
        while wanted is not None and time.monotonic() < until:
            standing = standing_in(now.body)
            if standing is None or standing >= wanted:
                break
            time.sleep(pause)
            now, pause = self._send(recorded), min(2 * pause, _LONGEST)
        return now

    def _send(self, recorded: Exchange) -> Exchange:
        url, headers, body = self._request(recorded)
        began = time.time()
        with explained(url):
            answer = self._pool.request(
                recorded.method, url, headers=headers, content=body or None, extensions={"timeout": TIMEOUT}
            )
        answered = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers)
        return replace(
            recorded, started=began, status=answer.status, answered=answered, body=answer.content, note=""
        )

    def _request(self, recorded: Exchange) -> tuple[str, list[tuple[str, str]], bytes]:
        parts = urlsplit(recorded.url)
        path = self._rooted(self._signed(renamed(parts.path, self._names)))
        query = self._form(self._there.text(self._signed(renamed(parts.query, self._names))))
        url = origin_of(self._target.url) + urlunsplit(("", "", path, query, ""))
        media_type, body = media_type_of(recorded.asked), renamed_bytes(recorded.sent, self._names)
        if is_text(media_type):
            body = self._there(self._signed(body.decode()).encode())
        if "urlencoded" in media_type:
            body = self._form(body.decode()).encode()
        return url, self._headers(recorded.asked, "token" in asked_in(recorded).parameters), body

    def _signed(self, text: str) -> str:
        return text.replace(_CALLER, self._target.user) if self._target.user else text

    def _form(self, text: str) -> str:
        """A query or form with the token of today."""
        pairs = parse_qsl(text, keep_blank_values=True)
        if not any(name.lower() == "token" for name, _ in pairs):
            return text
        token = self._target.token
        kept = [(name, token if name.lower() == "token" else value) for name, value in pairs]
        return urlencode([pair for pair in kept if token or pair[0].lower() != "token"])

    def _headers(self, asked: Headers, has_token: bool) -> list[tuple[str, str]]:
        kept = [(name, value) for name, value in asked if name.lower() not in _OWN]
        agent = self._target.user_agent or next(
            (value for name, value in asked if name.lower() == "user-agent"), "gpserver"
        )
        kept += [("User-Agent", agent), ("Accept-Encoding", "identity")]
        if self._target.token and not has_token:
            kept.append(("Authorization", f"Bearer {self._target.token}"))
        return kept

    def _here(self, recorded: Exchange) -> bytes:
        """A recorded answer with the names of today."""
        if not is_text(media_type_of(recorded.answered)):
            return recorded.body
        origin, (old, new) = origin_of(self._target.url).encode(), self._roots
        body = renamed_bytes(self._there(recorded.body), self._names)
        return (
            body.replace(origin + old.encode() + b"/rest", origin + new.encode() + b"/rest") if new else body
        )

    def _rooted(self, path: str) -> str:
        old, new = self._roots
        return new + path.removeprefix(old) if new and path.startswith(f"{old}/") else path


def _is_poll(recorded: Exchange) -> bool:
    path = urlsplit(recorded.url).path
    asks = recorded.method == "GET" and not _DOES.search(path)
    return (asks or _JOB.search(path) is not None) and standing_in(recorded.body) is not None


def _context(path: str) -> str:
    """What stands before ``/rest`` in a path, such as ``/arcgis``; empty where it is not there."""
    head, rest, _ = path.partition("/rest")
    return head if rest else ""
