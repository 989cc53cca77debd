"""Which addresses are public, and what an operator's list adds."""

import pytest

from gpserver.addresses import Allowed, is_public, parse_address

PUBLIC = [
    "8.8.8.8",
    "93.184.215.14",
    "2606:4700:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]
SPECIAL = {
    "loopback": ["127.0.0.1", "127.255.0.9", "::1"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fdab::1", "fec0::1"],
    "shared": ["100.64.0.1", "100.100.100.200"],
    "link-local": ["169.254.169.254", "fe80::1", "fe80::1%eth0"],
    "unspecified": ["0.0.0.0", "0.1.2.3", "::"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1"],
    "reserved": ["240.0.0.1", "255.255.255.255", "192.0.0.8", "100::1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1"],
    "benchmarks": ["198.18.0.1"],
    "IPv4 in IPv6": [
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a00:1",
    ],
    "6to4 and Teredo": ["2002:7f00:1::", "2002:808:808::1", "192.88.99.1", "2001:0:7f00:1::1"],
}


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses(text: str) -> None:
    assert is_public(parse_address(text))
    assert Allowed([]).permits("anything.example", 443, parse_address(text))


@pytest.mark.parametrize("text", [text for texts in SPECIAL.values() for text in texts])
def test_special_addresses(text: str) -> None:
    assert not is_public(parse_address(text))
    assert not Allowed([]).permits(text, 80, parse_address(text))


@pytest.mark.parametrize(
    ("entry", "host", "port", "address", "allowed"),
    [
        ("10.1.0.0/16", "gis", 80, "10.1.200.3", True),
        ("10.1.0.0/16", "gis", 80, "10.2.0.1", False),
        ("10.1.0.0/16", "gis", 80, "::ffff:10.1.0.7", True),
        ("127.0.0.1", "localhost", 6080, "127.0.0.1", True),
        ("127.0.0.1:6080", "localhost", 6080, "127.0.0.1", True),
        ("127.0.0.1:6080", "localhost", 6379, "127.0.0.1", False),
        ("[::1]:6080", "localhost", 6080, "::1", True),
        ("[::1]:6080", "localhost", 6081, "::1", False),
        ("::1", "localhost", 6081, "::1", True),
        ("fd00::/8", "gis", 443, "fd12::3", True),
        ("gis.example.lan", "GIS.example.lan", 443, "192.168.7.7", True),
        ("gis.example.lan:443", "gis.example.lan", 80, "192.168.7.7", False),
        ("gis.example.lan", "sub.gis.example.lan", 443, "192.168.7.7", False),
    ],
)
def test_what_an_operator_lists(entry: str, host: str, port: int, address: str, allowed: bool) -> None:
    assert Allowed([entry]).permits(host, port, parse_address(address)) is allowed


@pytest.mark.parametrize(
    "entry", ["", "http://gis.lan", "10.0.0.0/33", "gis.lan/path", "a@b", "[::1", "x:99999"]
)
def test_a_mistake_in_the_list_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match="no host, address or network"):
        Allowed([entry])
