"""The addresses that a key's networks allow, and the part of an address that is shown."""

import pytest

from craftkit.auth.networks import canonical, contains, masked


@pytest.mark.parametrize(
    ("network", "address", "is_in"),
    [
        ("203.0.113.0/24", "203.0.113.7", True),
        ("203.0.113.0/24", "203.0.114.7", False),
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.0/24", "::ffff:203.0.113.7", True),
        ("::ffff:203.0.113.0/120", "203.0.113.7", True),
        ("2001:db8::/32", "2001:db8:1::1", True),
        ("2001:db8::/32", "2001:db9::1", False),
        ("2001:db8::/32", "203.0.113.7", False),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("0.0.0.0/0", "", False),
        ("0.0.0.0/0", None, False),
        ("0.0.0.0/0", "203.0.113.7, 10.0.0.1", False),
    ],
)
def test_contains__ipv4_ipv6_and_mapped_addresses(
    network: str, address: str | None, is_in: bool
) -> None:
    assert contains([canonical(network)], address) is is_in


def test_contains__one_matching_network_is_enough() -> None:
    assert contains(["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1")


@pytest.mark.parametrize("text", ["", "x", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/8 ; drop"])
def test_canonical__refuses_invalid_ranges(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        canonical(text)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        (None, "an unknown address"),
    ],
)
def test_masked__hides_the_host(address: str | None, shown: str) -> None:
    assert masked(address) == shown
