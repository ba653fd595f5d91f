"""Messages between the parts of a service, which are in one process here, arrive at once.

oslo.messaging's driver for this looks 20 times a second whether there is one, for each of some 50 topics.

https://docs.openstack.org/oslo.messaging/latest/contributor/driver-dev-guide.html
"""

from __future__ import annotations

import threading
import time
from typing import Any

from oslo_messaging._drivers import base, impl_fake

LOOK_SECONDS = 1.0
"""How often a listener looks whether it is to stop."""


class _News:
    """Counts what was delivered, and wakes who waits for more."""

    def __init__(self) -> None:
        self._changed, self._count = threading.Condition(), 0

    @property
    def count(self) -> int:
        return self._count

    def add(self) -> None:
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait(self, count: int, seconds: float) -> None:
        """Wait until there is more than ``count``."""
        with self._changed:
            self._changed.wait_for(lambda: self._count != count, seconds)


def arrive_at_once() -> None:
    """Have this process's listeners wait for messages, and not look for them."""
    news, deliver = _News(), impl_fake.FakeExchange.deliver_message

    def deliver_message(exchange: Any, *arguments: Any, **options: Any) -> None:
        deliver(exchange, *arguments, **options)
        news.add()

    def poll(listener: Any, timeout: float | None = None) -> Any:
        until = None if timeout is None else time.monotonic() + timeout
        while not listener._stopped.is_set():
            count = news.count
            for target in listener._targets:
                exchange = listener._exchange_manager.get_exchange(target.exchange)
                context, message, replies, requeue = exchange.poll(target, listener._pool)
                if message is not None:
                    return impl_fake.FakeIncomingMessage(context, message, replies, requeue)
            left = LOOK_SECONDS if until is None else min(LOOK_SECONDS, until - time.monotonic())
            if left <= 0:
                break
            news.wait(count, left)
        return None

    impl_fake.FakeExchange.deliver_message = deliver_message
    impl_fake.FakeListener.poll = base.batch_poll_helper(poll)
