"""A push: one commit of one repository that wants to be built."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field, model_validator

from slipway.flow.moments import UtcMoment
from slipway.flow.record import CommitId, Matching, Record, RepositoryName, SlipwayError

PARTITION_KEY_LENGTH = 250
"""The width of Airflow's partition key columns."""

Ref = Annotated[
    str,
    Matching(
        r"^(?!.*(\.\.|@\{|//|/\.|\.lock(/|$)))[^\x00-\x20\x7f~^:?*\[\\./][^\x00-\x20\x7f~^:?*\[\\]*(?<![./])$",
        "must be a valid Git ref, like refs/heads/main; `git check-ref-format` shows the error",
        max_length=512,
    ),
]
"""A ref's full name. Git's rules (https://git-scm.com/docs/git-check-ref-format) keep control characters,
spaces and ``..`` out; quotes, ``$`` and ``;`` are allowed: a ref is never part of a command line's text."""

PersonName = Annotated[str, Field(max_length=255)]


class PushEvent(Record):
    """Says that ``commit`` is now what ``ref`` of ``repository`` points to.

    Born in the webhook, the missed-push sweep, the nightly rebuild, or by a person.
    """

    repository: RepositoryName
    ref: Ref
    commit: CommitId
    pusher: PersonName = ""
    delivery: str = Field(default="", max_length=100)
    """Id of the webhook delivery that reported it; empty when none did."""
    at: UtcMoment = Field(default_factory=lambda: datetime.now(UTC))
    rebuild: str = Field(default="", max_length=60)
    """Names a repeated build of a commit that was pushed before (for example a night)."""

    @model_validator(mode="after")
    def _key_fits(self) -> PushEvent:
        if len(self.partition_key) > PARTITION_KEY_LENGTH:
            raise ValueError(
                f"{self.partition_key!r} is longer than Airflow's {PARTITION_KEY_LENGTH} characters "
                "for a partition key: shorten the repository's name, or the rebuild's"
            )
        return self

    @property
    def partition_key(self) -> str:
        """The key that carries this push through the graph: ``owner/name@commit[+rebuild]``."""
        suffix = f"+{self.rebuild}" if self.rebuild else ""
        return f"{self.repository}@{self.commit}{suffix}"

    @property
    def short_commit(self) -> str:
        """The first 12 digits, for people."""
        return self.commit[:12]


def first_name(push: PushEvent, names: Sequence[str]) -> str:
    """Return the name by which what is kept elsewhere is found: a rename does not change it.

    :param names: all that the repository has had, the oldest first; none when it never was renamed.
    """
    return names[0] if names else push.repository


def parse_partition_key(key: str) -> tuple[str, str, str]:
    """Split a partition key into repository, commit and rebuild ("" when it is none).

    :raises SlipwayError: when ``key`` is not one of :attr:`PushEvent.partition_key`'s.
    """
    repository, at, rest = key.partition("@")
    commit, _, rebuild = rest.partition("+")
    if not (repository and at and commit):
        raise SlipwayError(f"{key!r} is not a partition key; expected owner/name@commit[+rebuild]")
    return repository, commit, rebuild
