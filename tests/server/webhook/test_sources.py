"""Where requests come from, and how many may come, without a server."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from slipway.flow.webhooks import Webhooks
from slipway.webhook import rates as rules
from slipway.webhook.rates import Rates
from slipway.webhook.sources import admits, group, printable

NETWORKS = ("192.0.2.0/24", "2001:db8::/32", "198.51.100.7/32")


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("192.0.2.200", True),
        ("::ffff:192.0.2.200", True),
        ("198.51.100.7", True),
        ("2001:db8:1::1", True),
        ("192.0.3.1", False),
        ("2001:db9::1", False),
        ("::ffff:192.0.3.1", False),
        ("unknown", False),
        ("", False),
        ("192.0.2.200, 203.0.113.9", False),
    ],
)
def test_who_may_send(host: str, admitted: bool) -> None:
    assert admits(NETWORKS, host) is admitted
    assert admits((), host)


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.200", "192.0.2.200"),
        ("::ffff:192.0.2.200", "192.0.2.200"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("un\0known\n", "unknown"),
        ("x" * 1000, "x" * 64),
    ],
)
def test_whose_requests_are_counted_together(host: str, counted: str) -> None:
    assert group(host) == counted


def test_address_that_a_proxy_made_up_can_be_shown() -> None:
    assert printable("\x00\x1b[31m" + "y" * 100) == "[31m" + "y" * 58


@pytest.mark.parametrize("network", ["192.0.2.1/24", "github.com", "", "192.0.2.0/33", "2001:db8::1/32"])
def test_network_that_is_none(network: str) -> None:
    with pytest.raises(ValidationError, match="must be a network, like"):
        Webhooks(networks=(network,))


def test_network_is_one_address_too() -> None:
    assert Webhooks(networks=("192.0.2.1", "2001:db8::1")).networks == ("192.0.2.1/32", "2001:db8::1/128")


def test_more_than_the_limit_waits_at_most_a_minute() -> None:
    rates = Rates()
    assert [rates.count("source", "a", 3) for _ in range(3)] == [0, 0, 0]
    assert 1 <= rates.count("source", "a", 3) <= 60
    assert rates.count("source", "b", 3) == rates.count("repository", "a", 3) == 0


def test_many_senders_take_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST_SENDERS", 10)
    rates = Rates()
    assert rates.count("source", "known", 1000) == 0
    for number in range(500):
        rates.count("source", f"stranger-{number}", 100)
    assert len(rates) == 11
    assert rates.count("source", "one more", 100) > 0
    assert rates.count("source", "known", 1000) == 0
