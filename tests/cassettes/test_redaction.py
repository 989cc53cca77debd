"""What a cassette tells: nothing that is secret, however it was written, and relations as they were."""

import base64
import html
import json
import random
from dataclasses import replace
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus, urlencode

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gpserver.cassettes.cassette import Exchange
from gpserver.cassettes.displacement import Displacement
from gpserver.cassettes.redaction import Redaction

ORIGIN = "https://gis.corp.internal:6443"
FORM = (("Content-Type", "application/x-www-form-urlencoded"),)
JSON = (("Content-Type", "application/json"),)
TASK = f"{ORIGIN}/arcgis/rest/services/Buffer/GPServer/Buffer"


def exchange(url: str = TASK, sent: bytes = b"", body: bytes = b"{}", **facts: Any) -> Exchange:
    plain = Exchange("POST", url, FORM, sent, 1.0, 0.1, 200, JSON, body)
    return replace(plain, **facts)


def redacted(*exchanges: Exchange, **options: Any) -> list[Exchange]:
    redaction = Redaction(ORIGIN, **options)
    for item in exchanges:
        redaction.learn(item)
    return [redaction(item) for item in exchanges]


def everything(item: Exchange) -> str:
    return " ".join([item.url, repr(item.asked), item.sent.decode(), repr(item.answered), item.body.decode()])


def escaped(text: str) -> str:
    return "".join(f"\\u{unit:04x}" for unit in _units(text))


def _units(text: str) -> list[int]:
    raw = text.encode("utf-16-be")
    return [int.from_bytes(raw[place : place + 2], "big") for place in range(0, len(raw), 2)]


WRITTEN = {
    "plain": str,
    "in a query": lambda text: quote(text, safe=""),
    "in a form": quote_plus,
    "percent-encoded whole": lambda text: "".join(f"%{octet:02x}" for octet in text.encode()),
    "percent-encoded twice": lambda text: quote(quote(text, safe=""), safe=""),
    "in JSON": lambda text: json.dumps(text)[1:-1],
    "in JSON, not ASCII": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "in JSON, slashes escaped": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "in JSON, all escaped": escaped,
    "in JSON in JSON": lambda text: json.dumps(json.dumps(text))[3:-3],
    "in JSON in a query": lambda text: quote(json.dumps(text)[1:-1]),
    "in HTML": html.escape,
    "in HTML by number": lambda text: "".join(f"&#{ord(char)};" for char in text),
}
SECRETS = st.text(
    st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=8, max_size=24
).filter(lambda text: text == text.strip() and unquote_plus(text) == text and "\\" not in text)


@settings(max_examples=60)
@given(secret=SECRETS, way=st.sampled_from(sorted(WRITTEN)), name=st.sampled_from(["token", "password"]))
def test_no_secret_survives_however_it_is_written(secret: str, way: str, name: str) -> None:
    written = WRITTEN[way](secret)
    signed_in = exchange(sent=urlencode({name: secret}).encode())
    told = exchange(body=f"It was here: {written}.".encode(), answered=(("Content-Type", "text/plain"),))
    in_form = exchange(sent=urlencode({"note": f"see {written}"}).encode())
    in_url = exchange(url=f"{TASK}?{urlencode({'back': f'/x?{name}={quote(secret)}'})}")
    in_value = exchange(body=json.dumps({"messages": [{"description": f"for {secret}!"}]}).encode())
    for item in redacted(told, in_form, in_url, in_value, signed_in):
        for text in (everything(item), unquote_plus(everything(item)), html.unescape(everything(item))):
            assert secret not in text
            assert written not in text


@settings(max_examples=20)
@given(secret=SECRETS)
def test_no_secret_survives_in_base64(secret: str) -> None:
    inner = base64.b64encode(json.dumps({"password": secret}).encode()).decode()
    octets = b"\xff\xfe" + secret.encode()
    binary = exchange(body=octets, answered=(("Content-Type", "application/octet-stream"),))
    found, blob, _ = redacted(
        exchange(body=json.dumps({"data": inner}).encode()),
        binary,
        exchange(sent=urlencode({"token": secret}).encode()),
    )
    assert secret not in base64.b64decode(json.loads(found.body)["data"]).decode()
    assert secret.encode() not in blob.body or not secret.isascii()


def test_the_same_secret_is_the_same_placeholder() -> None:
    first, second, third = redacted(
        exchange(
            sent=b"username=ada&password=lovelace1815&f=json", body=b'{"token":"abc.def-123","expires":1}'
        ),
        exchange(url=f"{TASK}?token=abc.def-123&f=json"),
        exchange(asked=(("Authorization", "Bearer abc.def-123"),)),
    )
    token = json.loads(first.body)["token"]
    assert "abc.def-123" not in token
    assert second.url.endswith(f"?token={token}&f=json")
    assert third.asked == (("Authorization", f"Bearer {token}"),)
    assert first.sent == b"username=ada&password=redacted-password-1&f=json".replace(
        b"ada", b"redacted-user-1"
    )


def test_what_was_said_before_a_secret_was_known_is_clean_as_well() -> None:
    first, _ = redacted(
        exchange(body=b'{"text":"hello ada.lovelace"}'), exchange(sent=b"username=ada.lovelace")
    )
    assert json.loads(first.body) == {"text": "hello redacted-user-1"}


def test_hosts_become_placeholders_and_public_ones_stay() -> None:
    body = {
        "helpUrl": f"{ORIGIN}/arcgis/help",
        "other": "https://portal.corp.internal/sharing?f=json",
        "machineName": "GIS01.CORP.INTERNAL",
        "message": "written to GIS.CORP.INTERNAL by gis01.corp.internal",
        "map": "https://services.arcgisonline.com/arcgis/rest",
    }
    [found] = redacted(exchange(body=json.dumps(body).encode()))
    told = json.loads(found.body)
    assert found.url.startswith("https://recorded.example/arcgis/rest/services")
    assert told["helpUrl"] == "https://recorded.example/arcgis/help"
    assert told["map"] == body["map"]
    assert "corp" not in everything(found).lower()


def test_addresses_of_mail_go_wherever_they_are() -> None:
    sent = urlencode({"Note": "ask ada@example.org", "f": "json"}).encode()
    [found] = redacted(exchange(sent=sent, body=b'{"info":{"contact":"Ada <ada@example.org>"}}'))
    assert "ada@example.org" not in unquote_plus(everything(found))
    assert json.loads(found.body)["info"]["contact"] == "Ada <redacted-email-1@mail.example>"


def test_named_fields_are_personal() -> None:
    feature = {"attributes": {"OWNER": "Ada Lovelace", "PHONE": 5551815, "name": "north"}}
    sent = urlencode({"Input": json.dumps({"features": [feature]}), "Where": "OWNER='Ada Lovelace'"}).encode()
    [found] = redacted(exchange(sent=sent, body=json.dumps([feature]).encode()), fields=("owner", "phone"))
    [told] = json.loads(found.body)
    assert "Ada" not in everything(found)
    assert (type(told["attributes"]["PHONE"]), told["attributes"]["name"]) == (int, "north")
    assert told["attributes"]["PHONE"] != 5551815
    assert f"OWNER='{told['attributes']['OWNER']}'" in unquote_plus(found.sent.decode())


def test_multipart_bodies_are_read_as_well() -> None:
    sent = (
        b'--b\r\nContent-Disposition: form-data; name="token"\r\n\r\nabc\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nplain\r\n--b--\r\n'
    )
    [found] = redacted(exchange(sent=sent, asked=(("Content-Type", "multipart/form-data; boundary=b"),)))
    assert found.sent == sent.replace(b"abc", b"redacted-token-1")


def test_cookies_and_unknown_headers_are_not_kept() -> None:
    headers = (("Cookie", "agstoken=0123456789abcdef"), ("X-Forwarded-User", "ada"), ("Accept", "*/*"))
    [found] = redacted(exchange(asked=headers, body=b'{"said":"0123456789abcdef"}'))
    assert found.asked == (("Accept", "*/*"),)
    assert b"0123456789abcdef" not in found.body


def test_what_holds_no_secret_stays_byte_by_byte() -> None:
    plain = exchange(
        url=ORIGIN.replace("gis.corp.internal:6443", "recorded.example"), body=b'{ "a":1.50,\n"b":[] }'
    )
    assert redacted(plain) == [plain]


SQUARE = [[7.0, 51.0], [7.0, 51.1], [7.1, 51.1], [7.1, 51.0], [7.0, 51.0]]


@pytest.mark.parametrize("scale", [1, 100_000], ids=["degrees", "metres"])
@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_moved_shapes_are_valid_and_keep_their_relations(scale: int, seed: int) -> None:
    ring = [[x * scale, y * scale] for x, y in SQUARE]
    inside = {"x": 7.05 * scale, "y": 51.05 * scale}
    body = json.dumps({"features": [{"geometry": {"rings": [ring]}}, {"geometry": inside}]}).encode()
    [found] = redacted(exchange(body=body), displacement=Displacement(random.Random(seed)))
    polygon, point = (item["geometry"] for item in json.loads(found.body)["features"])
    shape = shapely.Polygon(polygon["rings"][0])
    assert shape.is_valid
    assert shape.contains(shapely.Point(point["x"], point["y"]))
    assert shape.exterior.is_ccw == shapely.Polygon(ring).exterior.is_ccw
    assert not shape.intersects(shapely.Polygon(ring))
    if scale == 1:
        assert shape.within(shapely.box(-180, -90, 180, 90))


def test_coordinates_are_found_in_all_their_forms() -> None:
    body = {
        "extent": {"xmin": 7, "ymin": 51, "xmax": 8, "ymax": 52, "spatialReference": {"wkid": 4326}},
        "geojson": {"type": "MultiPoint", "coordinates": [[7, 51, 3]]},
        "curve": {"curveRings": [[[7, 51], {"c": [[8, 52], [7, 52]]}, [7, 51]]]},
    }
    url = f"{TASK}?geometry=7%2C51%2C8%2C52&f=json"
    [found] = redacted(exchange(url=url, body=json.dumps(body).encode()), displacement=Displacement())
    told = json.loads(found.body)
    assert told["extent"]["spatialReference"] == {"wkid": 4326}
    assert told["geojson"]["coordinates"][0][2] == 3
    assert told["extent"]["xmin"] == told["geojson"]["coordinates"][0][0] != 7
    assert told["curve"]["curveRings"][0][0] == told["curve"]["curveRings"][0][2]
    assert found.url.startswith("https://recorded.example/arcgis/rest/services")
    assert "geometry=7%2C51" not in found.url
