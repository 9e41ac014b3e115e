"""Which URLs and network addresses may be called on a caller's word; knows no resolver and opens nothing.

Two questions, asked at two moments: `why_not_url` when a URL is handed in, `why_not_connect` for every address its
host name turns out to have, at the instant of connecting. Both answer None, or a sentence that says what is wrong.
"""

import re
from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

URL_MAX_LETTERS: Final = 8192
ANYWHERE: Final[tuple[Network, ...]] = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))
"""Allow this, and only the form of a URL is judged."""

_HOST_MAX_LETTERS: Final = 253

# The registries of special addresses, written out: Python's own `is_private` and `is_global` change between releases.
_SPECIAL_V4: Final = {
    IPv4Network("0.0.0.0/8"): "an unspecified address",
    IPv4Network("10.0.0.0/8"): "a private network",
    IPv4Network("100.64.0.0/10"): "a carrier's private network",
    IPv4Network("127.0.0.0/8"): "the machine itself",
    IPv4Network("168.63.129.16/32"): "a cloud's metadata service",
    IPv4Network("169.254.0.0/16"): "a link-local address",
    IPv4Network("172.16.0.0/12"): "a private network",
    IPv4Network("192.0.0.0/24"): "a reserved address",
    IPv4Network("192.0.2.0/24"): "a reserved address",
    IPv4Network("192.88.99.0/24"): "a reserved address",
    IPv4Network("192.168.0.0/16"): "a private network",
    IPv4Network("198.18.0.0/15"): "a reserved address",
    IPv4Network("198.51.100.0/24"): "a reserved address",
    IPv4Network("203.0.113.0/24"): "a reserved address",
    IPv4Network("224.0.0.0/4"): "a multicast address",
    IPv4Network("240.0.0.0/4"): "a reserved address",
}
_SPECIAL_V6: Final = {
    IPv6Network("::/128"): "an unspecified address",
    IPv6Network("::1/128"): "the machine itself",
    IPv6Network("2001::/23"): "a reserved address",
    IPv6Network("2001:db8::/32"): "a reserved address",
    IPv6Network("3fff::/20"): "a reserved address",
    IPv6Network("fc00::/7"): "a private network",
    IPv6Network("fe80::/10"): "a link-local address",
    IPv6Network("fec0::/10"): "a private network",
    IPv6Network("ff00::/8"): "a multicast address",
}
_GLOBAL_V6: Final = IPv6Network("2000::/3")
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
_6TO4: Final = IPv6Network("2002::/16")
_TEREDO: Final = IPv6Network("2001::/32")

# A body posted to a mail server can be read as a letter.
_MAIL_PORTS: Final = frozenset({25, 110, 143, 465, 587, 993, 995})
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]")
_HOST: Final = re.compile(r"[^\s/\\?#@%:\[\]<>^|`{}\"]+")
# What C libraries take for a number: 2130706433, 0x7f.1 and 0177.0.0.1 are all 127.0.0.1 to them.
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


def why_not_connect(address: Address, allowed: Collection[Network] = ()) -> str | None:
    """Say why `address` may not be connected to; None when it may. `allowed` lists networks that always may."""
    for meant in _meant_by(address):
        if not any(meant in network for network in allowed) and (kind := _special_kind(meant)):
            return f"it leads to {kind}, which inputs and webhooks may not name"
    return None


def why_not_url(url: str, allowed: Collection[Network] = ()) -> str | None:
    """Say why `url` may not be called; None when it may, as far as can be told without resolving its host."""
    if len(url) > URL_MAX_LETTERS:
        return f"the URL has more than {URL_MAX_LETTERS} letters"
    if _UNPRINTABLE.search(url):
        return "the URL holds control characters"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "the URL cannot be read"
    return _why_not_form(parts) or _why_not_host(parts, allowed) or _why_not_port(port)


def why_not_webhook(url: str, allowed: Collection[Network], *, http_anywhere: bool) -> str | None:
    """Say why nothing can ever be posted to `url`; None when it can, as far as can be told without resolving its host.

    Over http only networks that were allowed are reached, unless it is allowed everywhere.
    """
    if reason := why_not_url(url, allowed):
        return reason
    parts = urlsplit(url)
    if parts.scheme == "https" or http_anywhere:
        return None
    literal = _address((parts.hostname or "").removesuffix("."))
    may_be_home = bool(allowed) if literal is None else any(literal in network for network in allowed)
    return None if may_be_home else "webhooks are posted over https only; begin the URL with https://"


def names_an_address(url: str) -> bool:
    """Whether the host is an address itself, so that no resolver has a say in where `url` leads."""
    return _address((urlsplit(url).hostname or "").removesuffix(".")) is not None


def without_query(link: str) -> str:
    """A link for eyes that need not see what may be a secret in it."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return "not a link"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _meant_by(address: Address) -> Iterator[Address]:
    """List the addresses that packets to `address` can end at: itself, or the IPv4 ones an IPv6 spelling carries."""
    if isinstance(address, IPv4Address):
        yield address
    elif address in _MAPPED or address in _TRANSLATED:
        yield IPv4Address(int(address) & 0xFFFFFFFF)
    elif address in _6TO4:
        yield IPv4Address(int(address) >> 80 & 0xFFFFFFFF)
    else:
        yield address
        if address in _TEREDO:
            yield IPv4Address(int(address) & 0xFFFFFFFF ^ 0xFFFFFFFF)


def _special_kind(address: Address) -> str | None:
    if isinstance(address, IPv4Address):
        return next((kind for network, kind in _SPECIAL_V4.items() if address in network), None)
    known = next((kind for network, kind in _SPECIAL_V6.items() if address in network), None)
    return known or (None if address in _GLOBAL_V6 else "a reserved address")


def _why_not_form(parts: SplitResult) -> str | None:
    if parts.scheme not in {"http", "https"}:
        return "the URL must begin with http:// or https://"
    if "@" in parts.netloc:
        return "the URL holds a user name or password, which is not supported"
    if not parts.hostname:
        return "the URL names no host"
    return None


def _why_not_host(parts: SplitResult, allowed: Collection[Network]) -> str | None:
    host = (parts.hostname or "").removesuffix(".")
    if "[" in parts.netloc:
        literal = _address(host)
        return why_not_connect(literal, allowed) if literal else "the URL's host is not an IPv6 address"
    if len(host) > _HOST_MAX_LETTERS or not _HOST.fullmatch(host) or ".." in host:
        return "the URL's host is not a host name"
    if not _NUMBER.fullmatch(host.rpartition(".")[2]):
        return None
    literal = _address(host)
    return why_not_connect(literal, allowed) if literal else "the URL's host is a number; write it as 192.0.2.1"


def _why_not_port(port: int | None) -> str | None:
    if port == 0:
        return "the URL's port must be from 1 to 65535"
    return f"port {port} belongs to a mail server" if port in _MAIL_PORTS else None


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
