"""A push: one commit of one repository that wants to be built."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import AwareDatetime, Field

from slipway.flow.record import CommitId, Record, RepositoryName, SlipwayError


class PushEvent(Record):
    """Says that ``commit`` is now what ``ref`` of ``repository`` points to.

    Born in the webhook, the missed-push sweep, the nightly rebuild, or by a person.
    """

    repository: RepositoryName
    ref: str = Field(min_length=1, max_length=512)
    commit: CommitId
    pusher: str = ""
    delivery: str = ""
    at: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    rebuild: str = Field(default="", max_length=60)
    """Names a repeated build of a commit that was pushed before (for example a night)."""

    @property
    def partition_key(self) -> str:
        """The key that carries this push through the graph: ``owner/name@commit[+rebuild]``."""
        suffix = f"+{self.rebuild}" if self.rebuild else ""
        return f"{self.repository}@{self.commit}{suffix}"

    @property
    def short_commit(self) -> str:
        """The first 12 digits, for people."""
        return self.commit[:12]


def parse_partition_key(key: str) -> tuple[str, str, str]:
    """Split a partition key into repository, commit and rebuild ("" when it is none).

    :raises SlipwayError: when ``key`` is not one of :attr:`PushEvent.partition_key`'s.
    """
    repository, at, rest = key.partition("@")
    commit, _, rebuild = rest.partition("+")
    if not (repository and at and commit):
        raise SlipwayError(f"{key!r} is not a partition key; expected owner/name@commit[+rebuild]")
    return repository, commit, rebuild
