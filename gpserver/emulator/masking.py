"""Secrets of the journal: in what is written out, stars stand for them."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

from gpserver.emulator.body import Body
from gpserver.emulator.record import Headers, Record

MASK = "***"
"""What stands for a secret."""

_NAMES = (
    *("token", "access_token", "refresh_token", "id_token", "accesstoken", "refreshtoken", "agstoken"),
    *("password", "passwd", "newpassword", "oldpassword", "jwt", "apikey", "api_key", "secret"),
    *("client_secret", "signaturekey", "secretkey", "_sk"),
)
_CREDENTIALS = ("authorization", "proxy-authorization", "x-esri-authorization")
_COOKIES = ("cookie", "set-cookie")
_SHORTEST = 6  # characters: what is shorter is only hidden where it stands, or any text would be torn
_LISTED = "|".join(sorted(_NAMES, key=len, reverse=True))
# Of a URL within text, which may itself be a parameter of another.
_ASSIGNED = re.compile(
    rf"((?:(?<![a-z0-9_])|(?<=%3f)|(?<=%26))(?:{_LISTED})(?:=|%3d))((?:(?!%26)[^&\s\"'<>\\])+)", re.IGNORECASE
)
# Of JSON that is cut, or part of something else.
_MEMBER = re.compile(rf"(\\*[\"'](?:{_LISTED})\\*[\"']\s*:\s*\\*[\"'])([^\"'\\]+)", re.IGNORECASE)
_PART = re.compile(
    rf"(name=\"?(?:{_LISTED})\"?[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n)(.*?)(?=\r\n--|\Z)",
    re.IGNORECASE | re.DOTALL,
)


def masked(records: Iterable[Record]) -> list[Record]:
    """The records without tokens, passwords, credentials and cookies; answers without content encoding."""
    return Masking().all(records)


class Masking:
    """Hides secrets wherever they turn up once it has seen one told as such."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def all(self, records: Iterable[Record]) -> list[Record]:
        """As ``masked``, with the secrets of earlier records."""
        found = list(records)
        for record in found:  # a secret may turn up before the place that tells that it is one
            self._of(record)
        return [self._of(record) for record in found]

    def _of(self, record: Record) -> Record:
        answer = record.answer
        if record.content != answer.kept:
            answer = Body(record.content, b"", len(record.content))
        return replace(
            record,
            url=self._url(record.url),
            headers=self._headers(record.headers),
            sent=self._body(record.sent, record.header("content-type")),
            answered=self._headers(record.answered),
            answer=self._body(answer, record.header("content-type", record.answered)),
        )

    def _url(self, url: str) -> str:
        before, mark, query = url.partition("?")
        return self._text(before) + mark + self._form(query)

    def _headers(self, headers: Headers) -> Headers:
        return tuple((name, self._header(name, value)) for name, value in headers)

    def _header(self, name: str, value: str) -> str:
        if name in _CREDENTIALS:
            scheme, _, secret = value.rpartition(" ")
            self._learn(secret)
            return f"{scheme} {MASK}".strip()
        if name in _COOKIES:
            for item in value.split(";"):
                self._learn(item.partition("=")[2].strip())
            return MASK
        return self._text(value)

    def _body(self, body: Body, media_type: str) -> Body:
        head, tail = (self._bytes(part, media_type) for part in (body.head, body.tail))
        return Body(head, tail, len(head) + len(tail) + body.skipped)

    def _bytes(self, data: bytes, media_type: str) -> bytes:
        if not data:
            return data
        try:
            text, encoding = data.decode(), "utf-8"
        except UnicodeDecodeError:  # a picture, or a form with one in it
            text, encoding = data.decode("latin-1"), "latin-1"
        hidden = self._form(text) if "urlencoded" in media_type else self._text(text)
        return hidden.encode(encoding)

    def _form(self, text: str) -> str:
        pairs = parse_qsl(text, keep_blank_values=True)
        hidden = [(name, self._member(name, value)) for name, value in pairs]
        return self._known(text if hidden == pairs else urlencode(hidden, safe="*"))

    def _text(self, text: str) -> str:
        if text.lstrip()[:1] in ("{", "["):
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                pass
            else:
                hidden = self._value(value)
                return text if hidden == value else json.dumps(hidden, ensure_ascii=False)
        for pattern in (_PART, _MEMBER, _ASSIGNED):
            text = pattern.sub(self._found, text)
        return self._known(text)

    def _value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._member(name, item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._value(item) for item in value]
        return self._text(value) if isinstance(value, str) else value

    def _member(self, name: str, value: Any) -> Any:
        if name.lower() not in _NAMES or not value:
            return self._value(value)
        self._learn(str(value))
        return MASK

    def _found(self, found: re.Match[str]) -> str:
        self._learn(found[2])
        return found[1] + MASK

    def _learn(self, secret: str) -> None:
        if len(secret) >= _SHORTEST:
            self._secrets |= {secret, quote(secret, safe=""), quote_plus(secret)}

    def _known(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text
