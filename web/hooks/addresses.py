"""Where a webhook may go: an address is resolved once, looked at, and then that very address is called.

So neither a name that leads inside, nor one that leads elsewhere when it is asked again, gets anywhere.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from roadmark.executor.outside import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host name. Raises: OSError."""

_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_TRANSLATED_LOCALLY = ipaddress.ip_network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.ip_network("::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)
# Set apart by RFC 7526 and RFC 9637, which older versions of Python do not know of.
_SET_APART = (ipaddress.ip_network("192.88.99.0/24"), ipaddress.ip_network("3fff::/20"))


class AddressRefused(Exception):
    """A URL that is not called, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A checked URL: `addresses` are called, `host` is asked for and named by the certificate."""

    is_tls: bool
    host: str
    port: int
    path: str
    authority: str
    addresses: tuple[str, ...]


def resolve(host: str, port: int) -> list[str]:
    """What the system's resolver knows. Raises: OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def check_url(url: str, allow: Sequence[Network], resolving: Resolve = resolve) -> Target:
    """The target of a URL, all of whose addresses may be called. Raises: AddressRefused, OSError."""
    if any(character <= " " or character == "\\" or character >= "\x7f" for character in url):
        raise AddressRefused("the URL holds spaces, backslashes or characters that are not ASCII")
    parts = _split(url)
    if parts.scheme not in ("https", "http"):
        raise AddressRefused("the URL is neither https nor http")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("the URL holds a user or a password")
    host, port = _host(parts.hostname), _port(parts)
    addresses = [_bare(address) for address in resolving(host, port)]
    if not addresses:
        raise AddressRefused(f"{host} has no address")
    for address in addresses:
        _refuse(host, address, allow, is_tls=parts.scheme == "https")
    return Target(
        is_tls=parts.scheme == "https",
        host=host,
        port=port,
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        authority=parts.netloc,
        addresses=tuple(str(address) for address in addresses),
    )


def is_public(address: Address) -> bool:
    """Whether the address, and every other that it stands for, is one of the public Internet."""
    return all(_is_public_itself(one) for one in (address, *_stands_for(address)))


def _is_public_itself(address: Address) -> bool:
    is_old_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    is_special = address.is_multicast or address.is_reserved or address.is_unspecified
    is_set_apart = any(address in network for network in _SET_APART)
    return address.is_global and not (is_special or is_old_local or is_set_apart)


def _refuse(host: str, address: Address, allow: Sequence[Network], *, is_tls: bool) -> None:
    meant = any(_lies_in(address, network) for network in allow)
    if not meant and not is_public(address):
        raise AddressRefused(
            f'{host} leads to {address}, which is not public; name its network in "allow" to mean it'
        )
    if not meant and not is_tls:
        raise AddressRefused('http is for networks in "allow" only; use https')


def _lies_in(address: Address, network: Network) -> bool:
    plain = (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address
    return plain.version == network.version and plain in network


def _stands_for(address: Address) -> list[Address]:
    """The IPv4 addresses that an IPv6 address carries inside."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found: list[Address | None] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address in _TRANSLATED or address in _TRANSLATED_LOCALLY or address in _COMPATIBLE:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in found if one is not None]


def _bare(address: str) -> Address:
    """The address without the zone that link-local ones carry."""
    return ipaddress.ip_address(address.partition("%")[0])


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise AddressRefused("the URL's host is no address") from error


def _host(host: str | None) -> str:
    labels = (host or "").removesuffix(".").split(".")
    if not host or len(host) > 253 or not all(0 < len(label) < 64 or ":" in label for label in labels):
        raise AddressRefused("the URL names no host")
    return host


def _port(parts: SplitResult) -> int:
    try:
        given = parts.port
    except ValueError as error:
        raise AddressRefused("the URL's port is none") from error
    if given == 0:
        raise AddressRefused("the URL's port is none")
    return given or (443 if parts.scheme == "https" else 80)
