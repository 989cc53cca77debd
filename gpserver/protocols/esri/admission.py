"""Who makes a call, by the token that it brings; what he may not see is not there for him."""

from contextlib import suppress
from dataclasses import replace
from functools import lru_cache

from gpserver.errors import InvalidToken, NotFound
from gpserver.protocols.esri.wire import Admission, Call, Site
from gpserver.security import NOBODY, Caller, Guard

COOKIE = "agstoken"
"""The cookie of ArcGIS' own pages, which some clients set as well."""

_HEADERS = ("x-esri-authorization", "authorization")


def identify(call: Call) -> Call:
    """The call with its caller, and the site as that caller sees it.

    Raises:
        InvalidToken: It came with a token that is not good here.
    """
    assert call.site.guard  # without users nobody is asked who he is
    caller = _caller(call, call.site.guard)
    return replace(call, site=_seen_by(call.site, caller), caller=caller)


def check(call: Call) -> bool:
    """Refuse the call if its path names a service that its caller may not use.

    It comes before anything is looked up there, so that the answer does not depend on what there is.

    Returns:
        Whether there is such a service.

    Raises:
        TokenRequired: A token is needed for that service.
        Forbidden: The caller may not use it.
    """
    with suppress(NotFound):
        call.site.catalog.service(call.part("service") or call.part("place").removesuffix("_gpserver"))
        return True
    return False


def address_of(call: Call) -> str:
    """The client's address; behind a proxy that uvicorn trusts, the one that the proxy names."""
    return call.request.client.host if call.request.client else ""


def comes_from_own_page(call: Call) -> bool:
    """Whether no other site's page can have sent this, in the visitor's name but without his will.

    Browsers say where a request comes from (Fetch Metadata; Origin where they say no more), and other
    clients hold no cookies that a page could misuse.
    """
    headers = call.request.headers
    origin, relation = headers.get("origin"), headers.get("sec-fetch-site")
    if relation in ("same-origin", "none") or origin in (call.root, *call.site.origins):
        return True
    return origin is None and relation is None


def _caller(call: Call, guard: Guard) -> Caller:
    headers, address = call.request.headers, address_of(call)
    referer = headers.get("referer", "")
    if token := call.parameters.text("token").strip('"') or _bearer(call):
        return guard.caller(token, referer, address)
    cookie = call.request.cookies.get(COOKIE)
    if cookie and comes_from_own_page(call):
        # One that is over must not keep its browser from what everybody may see.
        with suppress(InvalidToken):
            return guard.caller(cookie, referer, address)
    return NOBODY


def _bearer(call: Call) -> str:
    for name in _HEADERS:
        scheme, _, token = call.request.headers.get(name, "").partition(" ")
        if scheme.lower() == "bearer":
            return token.strip()
    return ""


@lru_cache(maxsize=256)
def _seen_by(site: Site, caller: Caller) -> Site:
    # Kept, since what is kept of a site's jobs is kept by its engine.
    guard = site.guard
    assert guard
    return replace(
        site, engine=guard.engine(site.engine, caller), catalog=guard.catalog(site.catalog, caller)
    )


ADMISSION = Admission(identify, check)
"""By tokens, where there are users."""
