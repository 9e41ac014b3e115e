"""Promises about where a caller may send us."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.rules.addresses import why_not_connect, why_not_url


def embedded(pattern: str, address: str) -> str:
    """An IPv6 spelling that carries an IPv4 address at the place of `{}`, as two groups of hex."""
    number = int(ip_address(address))
    return pattern.format(f"{number >> 16:x}:{number & 0xFFFF:x}")


FORBIDDEN_V4 = [
    "0.0.0.0",  # noqa: S104 - nothing is bound here
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
]
FORBIDDEN_V6 = [
    "::",
    "::1",
    "::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001:db8::1",
    "2001:10::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "4000::1",
]
CARRIERS = ["::ffff:{}", "64:ff9b::{}", "2002:{}::1"]
PUBLIC = ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1"]


@pytest.mark.parametrize("address", FORBIDDEN_V4 + FORBIDDEN_V6)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert why_not_connect(ip_address(address))


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("address", FORBIDDEN_V4)
def test_a_forbidden_address_is_refused_inside_an_ipv6_address_too(carrier: str, address: str) -> None:
    assert why_not_connect(ip_address(embedded(carrier, address)))


def test_teredo_is_refused_whatever_it_carries() -> None:
    assert why_not_connect(ip_address("2001:0:4136:e378:8000:63bf:80ff:fffe"))
    assert why_not_connect(ip_address("2001:0:4136:e378:8000:63bf:f7f7:f7f7"))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_called(address: str) -> None:
    assert why_not_connect(ip_address(address)) is None


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_public_address_may_be_called_in_its_ipv6_spelling(carrier: str) -> None:
    assert why_not_connect(ip_address(embedded(carrier, "8.8.8.8"))) is None


def test_an_allowed_network_opens_itself_and_nothing_beside_it() -> None:
    allowed = [ip_network("10.1.0.0/16"), ip_network("fd00:1::/32")]
    assert why_not_connect(ip_address("10.1.2.3"), allowed) is None
    assert why_not_connect(ip_address("::ffff:10.1.2.3"), allowed) is None
    assert why_not_connect(ip_address("fd00:1::5"), allowed) is None
    assert why_not_connect(ip_address("10.2.0.1"), allowed)
    assert why_not_connect(ip_address("fd00:2::5"), allowed)
    assert why_not_connect(ip_address("127.0.0.1"), allowed)


def test_allowing_all_of_ipv6_does_not_open_the_ipv4_addresses_it_can_spell() -> None:
    assert why_not_connect(ip_address("::ffff:127.0.0.1"), [ip_network("::/0")])


@given(st.ip_addresses(v=4))
def test_what_python_calls_private_is_refused(address: object) -> None:
    known = ip_address(str(address))
    if known.is_private or known.is_multicast or known.is_reserved or known.is_link_local:
        assert why_not_connect(known)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.mp3",
        "https://example.com:8443/a.mp3?x=1&y=2#z",
        "HTTPS://EXAMPLE.COM/",
        "http://8.8.8.8/a",
        "http://[2606:4700::1111]:8080/a",
        "http://xn--bcher-kva.example/",
        "http://bücher.example/",
        "http://example.com./a",
        "http://3com.example/a b.mp3",
        "http://localhost/only-its-address-can-tell",
    ],
)
def test_an_ordinary_url_is_accepted(url: str) -> None:
    assert why_not_url(url) is None


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("ftp://example.com/a", "http"),
        ("file://example.com/a.mp3", "http"),
        ("gopher://example.com/", "http"),
        ("//example.com/a", "http"),
        ("example.com/a.mp3", "http"),
        ("", "http"),
        ("http://", "no host"),
        ("http:///a.mp3", "no host"),
        ("http://user@example.com/", "user name"),
        ("http://example.com:80@127.0.0.1/", "user name"),
        ("http://exa\nmple.com/", "control"),
        ("http://example.com/\x00", "control"),
        ("http://example.com\\@127.0.0.1/", "user name"),
        ("http://example.com\\.evil.test/", "host name"),
        ("http://exa mple.com/", "host name"),
        ("http://%31%32%37.0.0.1/", "host name"),
        ("http://a..b/", "host name"),
        (f"http://{'a' * 254}/", "host name"),
        ("http://example.com:0/", "port"),
        ("http://example.com:99999/", "cannot be read"),
        ("http://example.com:x/", "cannot be read"),
        ("http://example.com:25/", "mail"),
        ("http://[::1/", "cannot be read"),
        ("http://[nonsense]/", "cannot be read|IPv6"),
        ("http://[::1]/", "machine itself"),
        ("http://[::ffff:127.0.0.1]/", "machine itself"),
        ("http://127.0.0.1/", "machine itself"),
        ("http://169.254.169.254/latest/meta-data", "link-local"),
        ("http://10.0.0.1:9000/bucket", "private"),
        ("http://127.0.0.1./", "machine itself"),
        ("http://2130706433/", "number"),
        ("http://0x7f000001/", "number"),
        ("http://0x7f.1/", "number"),
        ("http://0177.0.0.1/", "number"),
        ("http://127.1/", "number"),
        ("http://1.2.3.4.5/", "number"),
        ("http://example.com/" + "a" * 9000, "letters"),
    ],
)
def test_an_odd_url_is_refused_with_a_reason(url: str, word: str) -> None:
    reason = why_not_url(url)
    assert reason is not None
    assert any(part in reason for part in word.split("|"))


def test_an_allowed_network_is_allowed_in_a_url() -> None:
    assert why_not_url("http://10.1.2.3:9000/a", [ip_network("10.1.0.0/16")]) is None
