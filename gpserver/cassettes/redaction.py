"""What a cassette must not tell: secrets, people, hosts and, where asked for, places; all by placeholders."""

import base64
import binascii
import json
import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from gpserver.cassettes.cassette import Exchange, media_type_of
from gpserver.cassettes.displacement import Displacement
from gpserver.cassettes.pseudonyms import Pseudonyms

HOST = "recorded.example"
"""Stands for the host that was recorded; RFC 2606 gives ``.example`` to nobody."""

_SECRETS = (
    *("token", "access_token", "refresh_token", "id_token", "accesstoken", "refreshtoken", "agstoken", "_sk"),
    *("authorization", "jwt", "apikey", "api_key", "secret", "client_secret", "signaturekey", "secretkey"),
    *("session", "sessionid"),
)
KINDS = {
    **dict.fromkeys(_SECRETS, "token"),
    **dict.fromkeys(("password", "passwd", "newpassword", "oldpassword"), "password"),
    **dict.fromkeys(("username", "user", "login", "owner", "fullname", "firstname", "lastname"), "user"),
    **dict.fromkeys(("email", "mail"), "email"),
    **dict.fromkeys(("machinename",), "host"),
}
"""What a value is, by the name of its parameter, field or key in lower case."""

# Only what replaying needs: whatever else a proxy or a server adds may tell of the inside of a network.
_ASKED_HEADERS = ("accept", "content-type", "range", "user-agent", "x-requested-with")
_ANSWERED_HEADERS = (
    *("accept-ranges", "allow", "cache-control", "content-disposition", "content-range", "content-type"),
    *("etag", "location", "retry-after", "www-authenticate"),
)
_CREDENTIALS = ("authorization", "x-esri-authorization")
_COOKIE = 12  # characters: shorter values of cookies are no secrets but words
_URL = re.compile(r"https?://[^\s\"'<>\\]+", re.IGNORECASE)
_CALLBACK = re.compile(r"(\s*[A-Za-z_$][\w.$]*\()(.*)(\)\s*;?\s*)", re.DOTALL)
_PART = re.compile(
    rb'(name="?([^"\r\n;]+)"?[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n)(.*?)(?=\r\n--)', re.DOTALL | re.IGNORECASE
)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_PLACES = ("geometry", "bbox", "extent")


class Redaction:
    """Takes out of exchanges what nobody else may know; the same secret is the same placeholder everywhere.

    Args:
        origin: The server that was recorded: scheme, host and port.
        fields: Names of parameters, fields and keys whose values are personal.
        displacement: Moves all coordinates, where they are to be hidden as well.
    """

    def __init__(
        self, origin: str, fields: Collection[str] = (), displacement: Displacement | None = None
    ) -> None:
        self._displacement, self._fields = displacement, {name.lower() for name in fields}
        self._kinds = KINDS | {name.lower(): name.lower() for name in fields}
        self._pair = _pair(self._kinds)
        place = urlsplit(origin)
        self._names = Pseudonyms()
        self._names.give("host", place.netloc.lower(), HOST)
        self._names.give("host", place.hostname or "", HOST)

    def learn(self, exchange: Exchange) -> None:
        """Hear of the secrets of an exchange, wherever else they may turn up."""
        self._exchange(exchange)

    def __call__(self, exchange: Exchange) -> Exchange:
        """The exchange without any secret that was learned."""
        return self._exchange(exchange)

    def _exchange(self, exchange: Exchange) -> Exchange:
        sent, note = self._body(exchange.sent, media_type_of(exchange.asked), exchange.note)
        body, note = self._body(exchange.body, media_type_of(exchange.answered), note)
        return replace(
            exchange,
            url=self._url(exchange.url),
            asked=self._headers(exchange.asked, _ASKED_HEADERS),
            sent=sent,
            answered=self._headers(exchange.answered, _ANSWERED_HEADERS),
            body=body,
            note=note,
        )

    def _headers(self, headers: tuple[tuple[str, str], ...], wanted: Iterable[str]) -> Any:
        kept = []
        for name, value in headers:
            if name.lower() in _CREDENTIALS:
                kept.append((name, self._credentials(value)))
            elif name.lower() in ("cookie", "set-cookie"):
                self._cookies(value)
            elif name.lower() in wanted:
                kept.append((name, self._text(value)))
        return tuple(kept)

    def _credentials(self, value: str) -> str:
        scheme, _, secret = value.strip().partition(" ")
        if scheme.lower() == "basic":
            user, _, password = (_unpacked(secret) or "").partition(":")
            self._names.of("user", user)
            self._names.of("password", password)
        return f"{scheme} {self._names.of('token', secret)}" if secret else self._names.of("token", scheme)

    def _cookies(self, value: str) -> None:
        for item in value.split(";"):
            secret = item.partition("=")[2].strip().strip('"')
            if len(secret) >= _COOKIE and " " not in secret:
                self._names.of("token", secret)

    def _body(self, body: bytes, media_type: str, note: str) -> tuple[bytes, str]:
        if not body:
            return body, note
        if "multipart/form-data" in media_type:
            body = _PART.sub(self._part, body)
        try:
            text = body.decode()
        except UnicodeDecodeError:
            if self._fields or self._displacement:
                return (
                    b"",
                    f"{note} No text: {len(body)} bytes are left out, in which nobody can redact.".strip(),
                )
            return self._names.hide(body.decode("latin-1")).encode("latin-1"), note
        if "urlencoded" in media_type:
            return self._form(text).encode(), note
        return self._text(text).encode(), note

    def _part(self, found: re.Match[bytes]) -> bytes:
        try:
            [(_, value)] = self._pairs([(found[2].decode(), found[3].decode())])
        except UnicodeDecodeError:  # a file
            return found[0]
        return found[1] + value.encode()

    def _form(self, text: str) -> str:
        pairs = parse_qsl(text, keep_blank_values=True)
        redacted = self._pairs(pairs)
        return self._names.hide(text if redacted == pairs else urlencode(redacted))

    def _pairs(self, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(self._names.hide(name), self._named(name, value)) for name, value in pairs]

    def _named(self, name: str, value: str) -> str:
        if kind := self._kinds.get(name.lower()):
            return self._names.of(kind, value)
        if self._displacement and name.lower() in _PLACES:
            value = self._displacement.listed(value)
        return self._text(value)

    def _text(self, text: str) -> str:
        """Text of any kind: JSON is taken apart, and so are the URLs in what is none."""
        if text.lstrip()[:1] in ("{", "[", '"'):
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                pass
            else:
                redacted = self._value(value)
                return text if redacted == value else _as(text, redacted)
        if _BASE64.fullmatch(text) and (inner := _unpacked(text)):
            redacted = self._text(inner)
            return text if redacted == inner else base64.b64encode(redacted.encode()).decode()
        if call := _CALLBACK.fullmatch(text):
            return call[1] + self._text(call[2]) + call[3]
        text = self._pair.sub(self._found, text)
        return self._names.hide(_URL.sub(lambda found: self._url(found[0]), text))

    def _found(self, found: re.Match[str]) -> str:
        # What only looks like a secret is not looked for elsewhere: it may be any word of a script.
        secret = found[5] or found[4] or ""
        placeholder = self._names.of(self._kinds[found[2].lower()], secret, spread=False)
        return found[1] + (found[3] or "") + placeholder

    def _value(self, value: Any, kind: str = "") -> Any:
        if isinstance(value, dict):
            return self._object(value, kind)
        if isinstance(value, list):
            return [self._value(item, kind) for item in value]
        if isinstance(value, str):
            return self._names.of(kind, value) if kind else self._text(value)
        return self._names.number(kind, value) if kind in self._fields else value

    def _object(self, value: dict[str, Any], kind: str) -> dict[str, Any]:
        if self._displacement:
            value = self._displacement(value) or value
        named = self._kinds.get(str(value.get("paramName", "")).lower(), "")
        redacted = {}
        for name, item in value.items():
            own = self._kinds.get(name.lower(), "") or kind or (named if name == "value" else "")
            if self._displacement and name.lower() in _PLACES and isinstance(item, str):
                item = self._displacement.listed(item)
            redacted[self._names.hide(name)] = self._value(item, own)
        return redacted

    def _url(self, url: str) -> str:
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError:
            return self._names.hide(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        redacted = self._pairs(pairs)
        query = parts.query if redacted == pairs else urlencode(redacted)
        place = self._names.place(host, parts.netloc)
        return self._names.hide(urlunsplit((parts.scheme, place, parts.path, query, parts.fragment)))


def _as(text: str, value: Any) -> str:
    """JSON, on several lines where the text was."""
    if "\n" in text.strip():
        return json.dumps(value, ensure_ascii=False, indent=2)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _unpacked(text: str) -> str | None:
    """The text that is base64; None where it is none."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def _pair(names: Iterable[str]) -> re.Pattern[str]:
    """A name and its value in text that is neither a form nor JSON."""
    listed = "|".join(map(re.escape, names))
    return re.compile(
        rf"""(?<!\w)(["']?({listed})["']?\s*[:=]\s*)(?:(["'])(.*?)(?=\3)|([^"'&\s<>,;}}]+))""",
        re.IGNORECASE,
    )
