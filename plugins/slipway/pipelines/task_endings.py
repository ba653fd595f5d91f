"""How a task ends when its pipeline says that it cannot go on."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from slipway.flow.record import SlipwayError, TransientError

log = logging.getLogger(__name__)


class NothingToDo(SlipwayError):
    """The task has nothing to do for this push, and says why."""


@contextmanager
def retried_if_worth_it() -> Iterator[None]:
    """Let Airflow retry what may pass, and fail at once what will not.

    :raises AirflowFailException: for a broken rule; its text is the cure, no stack above it.
    :raises AirflowSkipException: when there is :class:`NothingToDo`.
    """
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
    from pydantic import ValidationError

    try:
        yield
    except TransientError:
        raise
    except NothingToDo as reason:
        log.info("%s", reason)  # Airflow itself logs only that a task is skipped
        raise AirflowSkipException(str(reason)) from None
    except SlipwayError as error:
        raise AirflowFailException(str(error)) from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise AirflowFailException(f"{field}: {first['msg']}. Correct it and start the run again.") from None


def hand_on(context: Any, value: Any, idle: Iterable[str]) -> Any:
    """Return ``value`` as the task's, and have Airflow skip the tasks ``idle``, which have nothing to do.

    No process is started for them. A task that starts and skips itself takes up to 5 s more: Airflow's
    supervisor may notice its end only at its next heartbeat.

    :raises DownstreamTasksSkipped: when there are some; the task ends as a success.
    """
    from airflow.sdk.exceptions import DownstreamTasksSkipped

    if tasks := list(idle):
        context["ti"].xcom_push(key="return_value", value=value)  # what is raised leaves no room for it
        raise DownstreamTasksSkipped(tasks=tasks)
    return value


def idle_of(image: Any, good: bool) -> tuple[str, ...]:
    """Return the tasks that have nothing to do when a machine's image was built, and booted, before."""
    return (("build",) if image else ()) + (("boot_test",) if good else ())
