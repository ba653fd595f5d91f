"""The part of a platform in a release: all platforms move together, or none does.

A platform is brought to a new version in three steps, each of which may be repeated after a crash, because
the platform itself keeps what is known (a ConfigMap, metadata of servers or nodes), never the run:

1. its rollout operator (:class:`slipway.rollout.operators.RolloutOperator`) brings the version up until it is
   healthy and serves, and leaves the one before restorable;
2. :meth:`Side.keep` keeps it, and still leaves the previous one restorable;
3. :meth:`Side.clear` removes what only the one before needed.

Its :class:`slipway.rollout.operators.GoBackOperator` undoes the first two.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from slipway.flow.deployment import Deployment
from slipway.flow.plans import ReleasePlan
from slipway.flow.release import version

Json = dict[str, Any]
P_co = TypeVar("P_co", bound=ReleasePlan, covariant=True)


class Side(ABC, Generic[P_co]):
    """One platform's side of a release.

    :param plan: what ``release`` decided for the platform.
    """

    def __init__(self, plan: P_co) -> None:
        self.plan = plan

    def tried(self) -> str:
        """Return the version of the plan, for people."""
        return version(self.plan.push.commit, self.plan.image.digest)

    @abstractmethod
    def before(self, run: str) -> str:
        """Return the version that ``run`` came upon, for people; :data:`slipway.flow.release.NOTHING`."""

    @abstractmethod
    def refuse_older(self, run: str) -> None:
        """Say whether the plan could be rolled out now, as far as other pushes are concerned.

        :raises SupersededError: when a newer one is in place, or is being rolled out.
        """

    @abstractmethod
    def check(self, run: str) -> None:
        """Say whether :meth:`keep` can be called.

        :raises SupersededError: when a newer push took the place of ``run``.
        """

    @abstractmethod
    def keep(self, run: str) -> Deployment:
        """Keep what ``run`` rolled out; again, when it is kept already.

        :raises SupersededError: when a newer push took its place.
        :raises TransientError: when the platform does not answer.
        """

    @abstractmethod
    def clear(self, run: str) -> None:
        """Remove what is no longer needed after :meth:`keep`.

        :raises TransientError: when the platform does not answer; the next deployment removes it then.
        """

    def page(self) -> str:
        """Return the page where the platform shows what runs; "" without one."""
        return ""
