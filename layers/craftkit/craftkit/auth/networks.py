"""CIDR ranges that a key may be used from. Imported only for keys that have networks."""

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

_MAPPED_BITS = 96


def canonical(text: str) -> str:
    """A CIDR range in canonical form. IPv4-mapped IPv6 (`::ffff:10.0.0.0/104`) becomes IPv4.

    Raises:
        ValueError: not a CIDR range, or a range with host bits.
    """
    network = ip_network(text.strip())
    if isinstance(network, IPv6Network) and network.prefixlen >= _MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            network = IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return str(network)


def contains(networks: Iterable[str], address: str | None) -> bool:
    """Whether one of the ranges contains the address. False for text that is not an address."""
    seen = _address(address)
    return seen is not None and any(seen in ip_network(network) for network in networks)


def masked(address: str | None) -> str:
    """The address without its host part: the /24 of IPv4, the /48 of IPv6."""
    seen = _address(address)
    if seen is None:
        return "an unknown address"
    prefix = 24 if isinstance(seen, IPv4Address) else 48
    return str(ip_network((seen, prefix), strict=False))


def _address(text: str | None) -> IPv4Address | IPv6Address | None:
    try:
        seen = ip_address(text or "")
    except ValueError:
        return None
    mapped = seen.ipv4_mapped if isinstance(seen, IPv6Address) else None
    return mapped or seen
