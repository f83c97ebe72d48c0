"""Which IP addresses are public, so that a URL of a caller may lead there."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_TUNNELS = (IPv6Network("2001::/32"), IPv6Network("2002::/16"))  # Teredo, 6to4
_RELAYS = IPv4Network("192.88.99.0/24")
_ISATAP = 0x5EFE


def is_public(address: str) -> bool:
    """Whether an address is public: not private, local, reserved, multicast or of a tunnel.

    IPv4 inside IPv6 (mapped, NAT64) is checked as the IPv4 address.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped
        if ip in _NAT64:
            inner = IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is None:
            is_isatap = (int(ip) >> 32) & 0xFDFFFFFF == _ISATAP
            tunnelled = is_isatap or any(ip in tunnel for tunnel in _TUNNELS)
            return ip.is_global and ip in _GLOBAL_UNICAST and not tunnelled
        ip = inner
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and ip not in _RELAYS
