"""A record: one request and what came of it."""

import json
import re
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from gpserver.emulator.body import Body, parameters_in
from gpserver.emulator.subject import Subject, subject_of

Headers = tuple[tuple[str, str], ...]

_LARGEST = 1 << 20  # bytes of an answer that was sent packed
_EITHER = 32 + zlib.MAX_WBITS  # gzip or zlib, as the data says
_JOB = re.compile(r'"(?:jobId|taskId)"\s*:\s*"([^"]+)"')
_STARTED = re.compile(r'"id"\s*:\s*"([^"]+)"')
# Our own words: ArcGIS answers these with 200 and an error as of any other kind.
_NOWHERE = re.compile(r"There is no (?:service|task|folder)\b|There is nothing at\b")


@dataclass(frozen=True)
class Record:
    """One request and what came of it, as far as it has come.

    Attributes:
        number: Counted from 1, in the order in which requests began.
        method: Of HTTP.
        url: Absolute, as the client asked.
        headers: Of the request; names in lower case.
        client: The address that it came from.
        sent: Its body.
        began: When, in epoch seconds of the emulator's clock.
        ended: When its answer was complete, or the client was gone; None before.
        moment: When it began, in real seconds since no particular time.
        seconds: How long it took so far, in real time.
        status: Of HTTP; 0 where no answer came.
        answered: The headers of the answer; names in lower case.
        answer: Its body, as it went over the wire.
        fault: The kind of fault that hit it; empty for none.
        routed: Whether its path leads anywhere.
    """

    number: int
    method: str
    url: str
    headers: Headers
    client: str
    sent: Body
    began: float
    ended: float | None
    moment: float
    seconds: float
    status: int
    answered: Headers
    answer: Body
    fault: str
    path: str
    routed: bool

    def __str__(self) -> str:
        return f"#{self.number} {self.method} {self.path}"

    @cached_property
    def subject(self) -> Subject:
        """What its URL says it is about."""
        return subject_of(self.method, self.path)

    @cached_property
    def pairs(self) -> list[tuple[str, Any]]:
        """Names and values of all its parameters: text, a ``File``, or JSON where the body is JSON."""
        query: list[tuple[str, Any]] = [*parse_qsl(urlsplit(self.url).query, keep_blank_values=True)]
        return query + parameters_in(self.sent, self.header("content-type"))

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The last value of each parameter, by its name as the client writes it."""
        return dict(self.pairs)

    @property
    def service(self) -> str:
        """``Service`` or ``Folder/Service``; empty where it is about none."""
        return self.subject.service

    @cached_property
    def task(self) -> str:
        """The task it is about; empty where the request does not say."""
        if self.subject.operation == "submit" and not self.subject.task:
            return next((str(value) for name, value in self.pairs if name.lower() == "type"), "")
        return self.subject.task

    @cached_property
    def job(self) -> str:
        """The job it is about: of the path, of a parameter or, where it begins one, of the answer."""
        if self.subject.job:
            return self.subject.job
        if self.subject.operation in ("submit", "execute", "start"):
            found = (_STARTED if self.subject.operation == "start" else _JOB).search(self.text)
            return found[1] if found else ""
        return next((str(value) for name, value in self.pairs if name.lower() == "jobid"), "")

    @cached_property
    def content(self) -> bytes:
        """The answer as far as it is kept, without any content encoding."""
        if not self.header("content-encoding", self.answered):
            return self.answer.kept
        try:
            return zlib.decompressobj(_EITHER).decompress(self.answer.head, _LARGEST)
        except zlib.error:
            return self.answer.kept

    @property
    def text(self) -> str:
        """The answer as text."""
        return self.content.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        """The answer as JSON.

        Raises:
            ValueError: It is none, or is not kept whole.
        """
        return json.loads(self.content)

    @cached_property
    def matched(self) -> bool:
        """Whether there is anything at its path."""
        lost = self.status in (404, 405) and not self.routed
        return not lost and not (
            self.status in (200, 400, 404) and self.answer.size < 64 << 10 and _NOWHERE.search(self.text)
        )

    def header(self, name: str, headers: Headers | None = None) -> str:
        """The last header of a name in lower case, of the request unless others are given; empty for none."""
        found = reversed(self.headers if headers is None else headers)
        return next((value for key, value in found if key == name), "")
