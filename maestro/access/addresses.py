"""Networks that a key may be used from, and whether an address lies in them."""

import ipaddress
from collections.abc import Iterable
from typing import Final

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")
"""IPv4 addresses as a socket of both versions shows them."""


def network_of(text: str) -> Network:
    """Return the network, or the one address, that a text names; ValueError.

    IPv4 in the form of IPv6 becomes plain IPv4: the two name the same machines.
    """
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(MAPPED):
        first = int(network.network_address) - int(MAPPED.network_address)
        return ipaddress.IPv4Network((first, network.prefixlen - MAPPED.prefixlen))
    return network


def networks_of(texts: Iterable[str] | None) -> tuple[Network, ...] | None:
    """Return the networks that a key may be used from, None for any."""
    return None if texts is None else tuple(map(network_of, texts))


def is_within(address: str | None, networks: Iterable[Network]) -> bool:
    """Say whether an address lies in one of some networks; what is no address lies in none."""
    try:
        # Without the zone of a link-local address, which is a name of this machine.
        asked = network_of((address or "").partition("%")[0])
    except ValueError:
        return False
    return any(is_part(asked, network) for network in networks)


def is_part(inner: Network, outer: Network) -> bool:
    """Say whether all of one network lies in another."""
    return (
        inner.version == outer.version
        and int(outer.network_address) <= int(inner.network_address)
        and int(inner.broadcast_address) <= int(outer.broadcast_address)
    )
