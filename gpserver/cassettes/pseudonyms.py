"""What stands for secrets: the same placeholder for the same secret, wherever and however it is written."""

import re
from typing import Any

from gpserver.cassettes.disguises import Disguises, unveiled

PLACEHOLDER = re.compile(r"redacted-[\w-]*?-\d+(?:\.example|@mail\.example)?|recorded\.example")
"""How placeholders look."""

_SHORTEST = 4  # characters: what is shorter is only hidden where it stands, or every text would be torn
_WORDS = ("user", "host")  # kinds whose secrets are words of their own
_NOBODY = {"", "admin", "administrator", "anonymous", "guest", "null", "public", "root", "siteadmin", "user"}
_PUBLIC = (
    *("arcgis.com", "arcgisonline.com", "esri.com", "opengis.net", "openstreetmap.org", "w3.org"),
    *("127.0.0.1", "localhost", ".example"),
)
_EMAIL = re.compile(r"[\w.+-]+@(?:[\w-]+\.)+(?!(?:png|jpe?g|gif|svg|js|css|example)\b)[A-Za-z]{2,}")


class Pseudonyms:
    """Placeholders by kind of secret, counted from 1."""

    def __init__(self) -> None:
        self._placeholders: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._disguises: dict[str, tuple[Disguises, str]] = {}
        self._sorted: list[tuple[Disguises, str]] | None = None

    def give(self, kind: str, secret: str, placeholder: str) -> None:
        """Let a placeholder stand for a secret, here and in all texts."""
        if secret:
            self._placeholders[secret] = placeholder
            self._spread(kind, secret, placeholder)

    def of(self, kind: str, secret: str, *, spread: bool = True) -> str:
        """What stands for a secret; a name that tells nothing of anybody stays.

        Args:
            kind: Such as ``token``.
            secret: It.
            spread: Whether it is one wherever else it turns up.
        """
        if not secret or PLACEHOLDER.fullmatch(secret) or (kind == "user" and secret.lower() in _NOBODY):
            return secret
        placeholder = self._placeholders.get(secret) or self._new(kind, secret)
        if spread and len(secret) >= _SHORTEST:
            self._spread(kind, secret, placeholder)
        return placeholder

    def number(self, kind: str, value: Any) -> Any:
        """What stands for a personal number: a number again; True, False and None stay."""
        if value is None or isinstance(value, bool):
            return value
        return type(value)(self._new(kind, f"{kind} {value!r}").rpartition("-")[2])

    def place(self, host: str, netloc: str) -> str:
        """What stands for the host of a URL, with its port unless it is the one that was recorded."""
        user, _, place = netloc.rpartition("@")
        self.of("password", user.partition(":")[2])
        if not host or host.endswith(_PUBLIC):
            return self._placeholders.get(place.lower()) or self._placeholders.get(host) or place
        standing, port = self.of("host", host), place.lower().removeprefix(host)
        return standing if standing == "recorded.example" else standing + port

    def hide(self, text: str) -> str:
        """The text without any secret that is known, and without addresses of e-mail."""
        stages = unveiled(text)
        for stage in stages:
            for email in _EMAIL.findall(stage) if "@" in stage else ():
                self.of("email", email)
        for disguises, placeholder in self._longest_first():
            hidden = disguises.replace(text, stages, placeholder)
            if hidden is not text and hidden != text:
                text, stages = hidden, unveiled(hidden)
        return text

    def _new(self, kind: str, secret: str) -> str:
        if known := self._placeholders.get(secret):
            return known
        number = self._counts[kind] = self._counts.get(kind, 0) + 1
        end = {"email": "@mail.example", "host": ".example"}.get(kind, "")
        return self._placeholders.setdefault(secret, f"redacted-{kind}-{number}{end}")

    def _spread(self, kind: str, secret: str, placeholder: str) -> None:
        if secret in self._disguises:
            return
        disguises = Disguises(secret, word=kind in _WORDS, any_case=kind == "host")
        self._disguises[secret] = (disguises, placeholder)
        self._sorted = None

    def _longest_first(self) -> list[tuple[Disguises, str]]:
        # Or a secret within another would be taken out of it alone.
        if self._sorted is None:
            known = sorted(self._disguises.items(), key=lambda item: -len(item[0]))
            self._sorted = [found for _, found in known]
        return self._sorted
