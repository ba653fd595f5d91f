"""Which pushes are meant, chosen from runs of DAG ``push``: all runs of a push have one id. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from pydantic import ValidationError

from slipway.cli.answers import Json
from slipway.flow.note import SUPERSEDED
from slipway.flow.push import PushEvent, parse_partition_key
from slipway.flow.push_id import is_push_id
from slipway.flow.record import SlipwayError


@dataclass(frozen=True)
class PushRun:
    """The run of ``push`` that looks at a push's commit, as the REST API gives it."""

    run: Json
    push: PushEvent

    @property
    def id(self) -> str:
        """Of the run, and of all others that the push starts."""
        return str(self.run["dag_run_id"])

    @property
    def superseded(self) -> bool:
        """Whether its ref had gone on to another commit."""
        return str(self.run.get("note") or "").startswith(SUPERSEDED)

    def is_of(self, commit: str, repository: str, ref: str) -> bool:
        """Say whether it is one that is asked for; "" asks for any.

        :param commit: first digits.
        """
        return (
            self.push.commit.startswith(commit.lower())
            and repository.casefold() in ("", self.push.repository.casefold())
            and ref in ("", self.push.ref)
        )


def push_runs(runs: Iterable[Json]) -> Iterator[PushRun]:
    """Yield those runs of ``push`` that look at a commit: the others follow one that a person asked for."""
    for run in runs:
        if is_push_id(run["dag_run_id"]) and (push := event_of(run)) is not None:
            yield PushRun(run, push)


def newest(pushes: Iterable[PushRun], commit: str = "", repository: str = "", ref: str = "") -> list[PushRun]:
    """Return each application's newest push, or of one commit the newest for each of its refs.

    One that was superseded counts only where there is no other. No more pushes are read than needed.

    :param pushes: newest first.
    :param commit: first digits of the commit; "" for any.
    :param repository: only this application, whatever its case.
    :param ref: only pushes of this ref.
    """
    found: dict[tuple[str, ...], PushRun] = {}
    for one in pushes:
        if not one.is_of(commit, repository, ref):
            continue
        key = (one.push.repository, *((one.push.commit, one.push.ref) if commit else ()))
        if key not in found or (found[key].superseded and not one.superseded):
            found[key] = one
        if repository and not commit and not found[key].superseded:
            break
    return list(found.values())


def event_of(run: Json) -> PushEvent | None:
    """Return the push that a run looks at; None when it names none."""
    with suppress(ValidationError):  # another version of Slipway started it
        return PushEvent.from_json((run.get("conf") or {}).get("push"))
    with suppress(SlipwayError, ValidationError):
        return event_of_key(run.get("partition_key") or "")
    return None


def event_of_key(key: str) -> PushEvent:
    """Return the push of a partition key, which says no ref.

    :raises SlipwayError: when it is none.
    """
    repository, commit, rebuild = parse_partition_key(key)
    return PushEvent(repository=repository, commit=commit, rebuild=rebuild, ref="unknown")
