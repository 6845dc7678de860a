"""Where a name on the network leads, before anything is sent there."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from typing import Final

from maestro.access.addresses import Network, is_within, network_of
from maestro.errors import Transient

NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
SIX_TO_FOUR: Final = ipaddress.IPv6Network("2002::/16")
TUNNELS: Final = (NAT64, SIX_TO_FOUR)
"""IPv6 addresses that stand for addresses of IPv4."""


async def addresses_of(host: str, port: int) -> tuple[str, ...]:
    """Return all addresses behind a name, each once, in the order in which they are tried; Transient for none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Transient(
            f"The name {host[:200]!r} is not known now ({type(error).__name__}).",
            hint="Check how it is spelt, and that the server can resolve it.",
        ) from None
    return tuple(dict.fromkeys(str(info[4][0]) for info in found))


def is_denied(address: str, networks: Iterable[Network]) -> bool:
    """Say whether an address, or the address of IPv4 that it stands for, lies in one of some networks."""
    denied = tuple(networks)
    return any(is_within(one, denied) for one in (address, *_tunnelled(address)))


def _tunnelled(address: str) -> tuple[str, ...]:
    try:
        found = network_of(address.partition("%")[0]).network_address
    except ValueError:
        return ()
    if not isinstance(found, ipaddress.IPv6Address):
        return ()
    if found in NAT64:
        return (str(ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)),)
    if found in SIX_TO_FOUR:
        return (str(ipaddress.IPv4Address(int(found) >> 80 & 0xFFFF_FFFF)),)
    return ()
