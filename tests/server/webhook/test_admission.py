"""What is refused before a body is read, over real connections: networks, rates, bytes in flight."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI

from slipway.apiserver.routes import create_app
from slipway.flow.apps import Apps
from slipway.flow.record import SlipwayError
from slipway.flow.webhooks import Webhooks
from slipway.webhook import admission as rules
from slipway.webhook import body as body_rules
from slipway.webhook import budget as budget_rules
from slipway.webhook import transport
from slipway.webhook.admission import Admission
from slipway.webhook.reception import Reception
from slipway.webhook.sources import TRUSTED_PROXIES
from tests.served import client, served
from tests.server.conftest import Counted, Rows
from tests.server.sender import APPS, KNOWN, ROUTE, Sender, encode, headers, push

OTHER = {"full_name": "octo/other"}
KIB = 1024


@dataclass
class Installation:
    """What an operator sets, and what runs by it."""

    reception: Reception
    app: FastAPI
    apps: Apps = APPS
    broken: bool = False

    def set(self, **webhooks: Any) -> None:
        """Write ``webhooks`` of apps.yaml."""
        hello = APPS.applications["Octo/Hello"].to_json()
        self.apps = Apps.from_json(
            APPS.to_json()
            | {
                "webhooks": Webhooks(**webhooks).to_json(),
                "applications": dict.fromkeys(("Octo/Hello", "Octo/Other"), hello),
            }
        )

    def read(self) -> Apps:
        if self.broken:
            raise SlipwayError("apps.yaml:7: is broken")
        return self.apps

    @property
    def admission(self) -> Admission:
        found: Admission = self.app.state.admission
        return found

    @contextmanager
    def sender(self, **settings: Any) -> Iterator[Sender]:
        with served(self.app, **settings) as url, client(url) as http:
            yield Sender(http)


@pytest.fixture
def installation(reception: Reception, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setattr(rules, "KEPT_SECONDS", 0)
    installation = Installation(reception, create_app(reception))
    # The app was made before: what it reads is asked for at each request.
    reception.apps = installation.read
    installation.app = create_app(reception)
    return installation


@contextmanager
def connection(sender: Sender, **others: str | None) -> Iterator[socket.socket]:
    """A delivery whose headers are sent, and whose body is up to the test."""
    address = urlsplit(str(sender.client.base_url))
    with socket.create_connection((address.hostname, address.port), timeout=30) as connected:
        lines = [f"POST {ROUTE} HTTP/1.1", "host: slipway", "connection: close"]
        lines += [f"{name}: {value}" for name, value in headers(b"", **others).items()]
        connected.sendall("\r\n".join([*lines, "", ""]).encode())
        yield connected


def answer(connected: socket.socket) -> tuple[int, dict[str, str], Any]:
    """Return status, headers and JSON of the answer."""
    with connected.makefile("rb") as file:
        status = int(file.readline().split()[1])
        found = {}
        while line := file.readline().decode().strip():
            name, _, value = line.partition(": ")
            found[name.lower()] = value
        return status, found, json.loads(file.read(int(found["content-length"])))


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(("networks", "status"), [(["127.0.0.0/8"], 202), (["192.0.2.0/24"], 403), ([], 202)])
def test_only_listed_networks_may_send(
    installation: Installation, inbox: Rows, networks: list[str], status: int
) -> None:
    installation.set(networks=networks)
    with installation.sender() as sender:
        response = sender.deliver(push())
    assert response.status_code == status
    assert len(inbox()) == (status == 202)
    if status == 403:
        assert "127.0.0.1 are not accepted: it is in no network of `webhooks.networks`" in response.text


@pytest.mark.parametrize(
    ("forwarded", "trusted", "status"),
    [
        ("192.0.2.1", True, 202),
        ("203.0.113.9, 192.0.2.1", True, 202),
        ("192.0.2.1, 203.0.113.9", True, 403),  # the sender wrote the first, its proxy the last
        ("unknown", True, 403),
        ("192.0.2.1", False, 403),
    ],
)
def test_address_is_a_trusted_proxys_word(
    installation: Installation, forwarded: str, trusted: bool, status: int
) -> None:
    """As Airflow starts uvicorn with and without ``--proxy-headers``."""
    installation.set(networks=["192.0.2.0/24"])
    with installation.sender(proxy_headers=trusted, forwarded_allow_ips="127.0.0.1") as sender:
        assert sender.deliver(push(), x_forwarded_for=forwarded).status_code == status


def test_networks_without_a_trustworthy_address_are_reported(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(TRUSTED_PROXIES, "*")
    installation.set(networks=["192.0.2.0/24"])
    with installation.sender() as sender:
        sender.deliver(push())
    assert "FORWARDED_ALLOW_IPS is `*`" in caplog.text


def test_limits_of_a_broken_file_stay_in_force(installation: Installation) -> None:
    installation.set(networks=["192.0.2.0/24"])
    with installation.sender() as sender:
        assert sender.deliver(push()).status_code == 403
        installation.broken = True
        assert sender.deliver(push()).status_code == 403
        installation.set(networks=["127.0.0.1"])
        installation.broken = False
        assert sender.deliver(push()).status_code == 202


def test_source_that_sends_too_much_is_asked_to_wait(
    installation: Installation, inbox: Rows, counted: Counted
) -> None:
    installation.set(source_per_minute=3)
    with installation.sender(forwarded_allow_ips="127.0.0.1") as sender:
        codes = [sender.deliver(push(), x_hub_signature_256=None).status_code for _ in range(3)]
        late = sender.deliver(push())
        other = sender.deliver(push(), x_forwarded_for="192.0.2.1")
        (*_, row) = counted(4)
    assert (codes, late.status_code, other.status_code) == ([401] * 3, 429, 202)
    assert 1 <= int(late.headers["retry-after"]) <= 60
    assert late.json()["reason"].startswith("not stored: more than 3 requests from 127.0.0.1 within a minute")
    assert (row["http_status"], row["signed"], len(inbox())) == (429, False, 1)


def test_repository_that_sends_too_much_is_asked_to_wait_and_loses_nothing(
    installation: Installation, inbox: Rows, counted: Counted
) -> None:
    installation.set(repository_per_minute=2)
    with installation.sender() as sender:
        for _ in range(5):
            assert sender.deliver(push(), x_hub_signature_256="sha256=" + "0" * 64).status_code == 401
            assert sender.deliver(push(), "star").status_code in (202, 429)
        codes = [sender.deliver(push(), x_github_delivery=f"d-{number}").status_code for number in range(2)]
        late = sender.deliver(push(repository={"full_name": "octo/HELLO"}), x_github_delivery="d-2")
        other = sender.deliver(push(repository=OTHER), x_github_delivery="d-3")
        assert (codes, late.status_code, other.status_code) == ([202, 202], 429, 202)
        assert 1 <= int(late.headers["retry-after"]) <= 60
        assert "reconcile_pushes finds pushes that are not" in late.json()["reason"]
        rows = counted(9)
        installation.set(repository_per_minute=3)
        again = sender.deliver(push(ref="refs/tags/v1"), x_github_delivery="d-2")
        assert again.json()["status"] == "accepted"
    assert [(row["about"], row["number"], row["signed"]) for row in rows] == [
        ("", 5, False),
        ("Octo/Hello", 1, True),
        ("octo/hello", 3, True),
    ]
    assert [row["delivery"] for row in inbox() if row["event"] == "push"] == ["d-0", "d-1", "d-3", "d-2"]


@pytest.mark.parametrize(
    ("others", "status"),
    [
        ({"x_hub_signature_256": None}, 401),
        ({"x_hub_signature_256": "sha256=0"}, 401),
        ({"x_github_delivery": "a b"}, 400),
        ({"x_github_event": "../push"}, 400),
        ({"content_type": "text/plain"}, 400),
        ({"content_length": str(25 * KIB * KIB + 1)}, 413),
    ],
)
def test_wrong_headers_are_refused_before_the_body_is_read(
    installation: Installation, others: dict[str, str | None], status: int
) -> None:
    with (
        installation.sender() as sender,
        connection(sender, **{"content_length": "1000000", **others}) as connected,
    ):
        assert answer(connected)[0] == status  # and not one byte of the body was sent
        assert installation.admission.budget.held == 0


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget of 1 MiB, half of it the reserve."""
    monkeypatch.setattr(rules, "MIB", 16 * KIB)
    monkeypatch.setattr(rules, "RESERVE", 512 * KIB)
    monkeypatch.setattr(budget_rules, "WAIT_SECONDS", 0.05)


def test_bytes_in_flight_are_bounded(installation: Installation, small: None, inbox: Rows) -> None:
    installation.app = create_app(installation.reception)
    budget = installation.admission.budget
    announced = {"content_length": str(20 * KIB * KIB)}
    with installation.sender(forwarded_allow_ips="127.0.0.1") as sender:
        with (
            connection(sender, x_forwarded_for="192.0.2.1", **announced) as first,
            connection(sender, x_forwarded_for="192.0.2.2", **announced) as second,
            connection(sender, x_forwarded_for="192.0.2.3", **announced) as third,
        ):
            wait_until(lambda: budget.held == 3 * 64 * KIB)
            for connected, kib in ((first, 420), (second, 180), (third, 180)):
                before = budget.held
                connected.sendall(b" " * kib * KIB)
                wait_until(lambda: budget.held == before + kib * KIB)  # noqa: B023
            response = sender.deliver(push(), x_forwarded_for="192.0.2.4")
            assert (response.status_code, response.headers["retry-after"]) == (503, "10")
            assert response.json()["reason"].startswith("too many requests at once")
            assert budget.held <= KIB * KIB
        wait_until(lambda: budget.held == 0)  # the senders hung up
        assert sender.deliver(push(), x_forwarded_for="192.0.2.4").status_code == 202
        assert budget.held == 0
    assert [row["status"] for row in inbox()] == ["accepted"]


def test_one_source_cannot_take_all(installation: Installation, small: None) -> None:
    installation.app = create_app(installation.reception)
    budget = installation.admission.budget
    announced = {"content_length": str(20 * KIB * KIB)}
    with (
        installation.sender(forwarded_allow_ips="127.0.0.1") as sender,
        connection(sender, x_forwarded_for="192.0.2.1", **announced) as greedy,
    ):
        greedy.sendall(b" " * 150 * KIB)
        wait_until(lambda: budget.held == (64 + 150) * KIB)
        with connection(sender, x_forwarded_for="192.0.2.1", **announced) as other:
            other.sendall(b" " * 400 * KIB)  # with the reserve
            wait_until(lambda: budget.held == (64 + 150 + 64 + 400) * KIB)
            assert sender.deliver(push(), x_forwarded_for="192.0.2.1").status_code == 503
            other.sendall(b" " * 400 * KIB)
            status, told, _ = answer(other)
            assert (status, told["retry-after"]) == (503, "10")
        assert sender.deliver(push(), x_forwarded_for="192.0.2.2").status_code == 202


def test_many_large_bodies_at_once_are_read_one_after_the_other(
    installation: Installation, small: None, monkeypatch: pytest.MonkeyPatch, inbox: Rows
) -> None:
    """What finds no room waits, and is taken; the largest sum that is ever held stays below the limit."""
    monkeypatch.setattr(budget_rules, "WAIT_SECONDS", 60)
    installation.app = create_app(installation.reception)
    budget = installation.admission.budget
    most: list[int] = []
    take = budget._take

    def seen(*given: Any) -> bool:
        taken = take(*given)
        most.append(budget.held)
        return taken

    monkeypatch.setattr(budget, "_take", seen)
    body = encode(push())
    body += b" " * (400 * KIB - len(body))
    codes: list[int] = []
    with installation.sender() as sender:
        threads = [
            threading.Thread(target=lambda: codes.append(sender.send(body).status_code)) for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert codes == [202] * 6
    assert max(most) <= KIB * KIB
    assert budget.held == 0


@pytest.mark.parametrize("sent", [0, 300 * KIB])
def test_body_that_trickles_is_given_up(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, counted: Counted, sent: int
) -> None:
    monkeypatch.setattr(body_rules, "SLOW_SECONDS", 0.2)
    with (
        installation.sender() as sender,
        connection(sender, content_length=str(20 * KIB * KIB)) as connected,
    ):
        connected.sendall(b" " * sent)
        status, _, body = answer(connected)
        assert (status, body["reason"].partition(":")[0]) == (408, "the body arrived too slowly")
        assert installation.admission.budget.held == 0
        assert [row["http_status"] for row in counted(1)] == [408]


def test_body_that_arrives_steadily_for_too_long_is_given_up(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_rules, "BODY_SECONDS", 0.2)
    with (
        installation.sender() as sender,
        connection(sender, content_length=str(20 * KIB * KIB)) as connected,
    ):
        connected.sendall(b" " * 400 * KIB)
        assert answer(connected)[0] == 408


def test_sender_that_hangs_up_holds_nothing(installation: Installation, counted: Counted) -> None:
    budget = installation.admission.budget
    with installation.sender() as sender:
        with connection(sender, content_length="1000000") as connected:
            connected.sendall(b" " * 300 * KIB)
            wait_until(lambda: budget.held > 300 * KIB)
        wait_until(lambda: budget.held == 0)
        assert [row["http_status"] for row in counted(1)] == [400]


def test_bytes_are_held_until_a_check_that_hangs_ends(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer does not wait for the database, but the thread has the body as long as it runs."""
    released = threading.Event()
    monkeypatch.setattr(transport, "STORE_SECONDS", 0.2)
    installation.reception.secrets = lambda _: KNOWN if released.wait(60) else {}
    budget = installation.admission.budget
    with installation.sender() as sender:
        assert sender.deliver(push()).status_code == 503
        assert budget.held > 64 * KIB
        released.set()
        wait_until(lambda: budget.held == 0)


def test_bytes_of_a_signed_delivery_are_not_counted_while_it_is_stored(installation: Installation) -> None:
    seen: list[int] = []
    budget = installation.admission.budget
    settle = installation.reception.settle

    def watched(*given: Any) -> Any:
        seen.append(budget.held)
        return settle(*given)

    installation.reception.settle = watched  # type: ignore[method-assign]
    with installation.sender() as sender:
        assert sender.deliver(push()).status_code == 202
    assert seen == [0]


def test_questions_have_room_of_their_own(installation: Installation, small: None) -> None:
    with installation.sender() as sender:
        for signature in ("", "1.0", "x." + "0" * 64, f"1700000000.{'0' * 64}"):
            response = sender.client.post(
                "/deliveries/search", content=b"{}", headers={"x-slipway-signature": signature}
            )
            assert response.status_code == 401
    assert transport.QUESTIONS.held == 0
