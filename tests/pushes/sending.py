"""Sends pushes as a code registry does: signed, at a rate, each once, however it is answered."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from lab.git.delivery import deliver, delivery_request
from tests.pushes.repositories import CommittedPush

AT_ONCE = 256
TWICE_EVERY = 10
"""Each so manieth push is delivered twice at the same time, under two ids."""
ROUTE = "/slipway/webhooks/github"
_REFUSED = "Connection refused"


@dataclass
class Servers:
    """Who receives, in turn; one that refuses connections is not tried again."""

    urls: list[str]
    _turns: count[int] = field(default_factory=count)

    def next(self) -> str:
        """Return the next one's address."""
        known = self.urls
        return known[next(self._turns) % len(known)]

    def leave(self, url: str) -> None:
        """Send no more to one; the last is kept."""
        if len(left := [one for one in self.urls if one != url]) > 0:
            self.urls = left


@dataclass
class Sent:
    """What was answered."""

    answers: dict[CommittedPush, list[str]] = field(default_factory=dict)
    seconds: float = 0.0
    """Until the last one was sent."""

    @property
    def accepted(self) -> set[CommittedPush]:
        """The pushes that a server promised to have stored."""
        return {push for push, answers in self.answers.items() if any(one.startswith("2") for one in answers)}

    def and_then(self, later: Sent) -> Sent:
        """Return both together."""
        return Sent(self.answers | later.answers, self.seconds + later.seconds)

    def kinds(self) -> Counter[str]:
        """Return how often each kind of answer came."""
        return Counter(kind(one) for answers in self.answers.values() for one in answers)


def kind(answer: str) -> str:
    """Return a status, or why no answer came."""
    if (status := answer[:3]).isdigit():
        return status
    why = re.sub(r"\[Errno \d+\] |[<>]", "", answer.removeprefix("not delivered: "))
    return f"no answer: {why}"


def send(
    pushes: Sequence[CommittedPush],
    servers: Servers,
    secret: str,
    a_second: float,
    meanwhile: Mapping[int, Callable[[], None]],
) -> Sent:
    """Deliver pushes, and wait for all answers.

    :param meanwhile: what is done beside it, by the number of the push before which it begins.
    """
    sent, begun = Sent({push: [] for push in pushes}), time.monotonic()

    def one(push: CommittedPush, payload: dict[str, Any]) -> None:
        url = servers.next()
        sent.seconds = max(sent.seconds, time.monotonic() - begun)
        answer = deliver(delivery_request(f"{url}{ROUTE}", secret, "push", payload))
        if _REFUSED in answer:
            servers.leave(url)
        sent.answers[push].append(answer)

    with ThreadPoolExecutor(AT_ONCE) as senders, ThreadPoolExecutor(len(meanwhile) or 1) as others:
        begun_work: list[Future[None]] = []
        for number, push in enumerate(pushes):
            time.sleep(max(0.0, begun + number / a_second - time.monotonic()))
            if number in meanwhile:
                begun_work.append(others.submit(meanwhile[number]))
            payload = push.payload()
            for _ in range(2 if number % TWICE_EVERY == 0 else 1):
                begun_work.append(senders.submit(one, push, payload))
        for future in begun_work:
            future.result()
    return sent
