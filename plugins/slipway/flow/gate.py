"""Whether an environment takes releases now, by its windows and freezes; and whom it lets in. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from slipway.flow.freezes import Exemption, Freeze, Hold, StartedFreeze
from slipway.flow.moments import read_moment, read_zone, shown
from slipway.flow.windows import is_open, next_opening, read_window


@dataclass(frozen=True)
class Frozen:
    """A freeze, whoever made it."""

    begins: datetime
    ends: datetime
    why: str
    also_rollbacks: bool

    @classmethod
    def of_file(cls, freeze: Freeze) -> Frozen:
        """Return a freeze of ``apps.yaml``."""
        why = f"until {freeze.to} ({freeze.reason})"
        return cls(read_moment(freeze.from_), read_moment(freeze.to), why, freeze.also_rollbacks)

    @classmethod
    def of_person(cls, freeze: StartedFreeze) -> Frozen:
        """Return a freeze that a person began."""
        why = f"until {shown(freeze.until)} ({freeze.reason}; by {freeze.by})"
        return cls(freeze.at, freeze.until, why, freeze.also_rollbacks)

    def covers(self, moment: datetime) -> bool:
        """Say whether it is in force."""
        return self.begins <= moment < self.ends


@dataclass(frozen=True)
class Gate:
    """Who may begin a rollout in an environment now."""

    hold: Hold | None = None
    """For everybody."""
    rollbacks: Hold | None = None
    """For rollbacks."""
    let: Mapping[str, Exemption] = field(default_factory=dict)
    """Who is let through, by commit."""

    def holds(self, commit: str, *, rolls_back: bool) -> Hold | None:
        """Return what a release waits for; None when it does not."""
        return None if commit in self.let else self._of(rolls_back=rolls_back)

    def exempts(self, commit: str, *, rolls_back: bool) -> Exemption | None:
        """Return by whom a release was let through; None when it needs nobody for that."""
        return self.let.get(commit) if self._of(rolls_back=rolls_back) else None

    def _of(self, *, rolls_back: bool) -> Hold | None:
        return self.rollbacks if rolls_back else self.hold


OPEN = Gate()


def hold_of(
    environment: str, windows: Sequence[str], freezes: Sequence[Frozen], now: datetime
) -> Hold | None:
    """Return why an environment takes no release now, and until when; None when it takes them.

    :param windows: as ``apps.yaml`` has them; none for always.
    """
    frozen = max((one for one in freezes if one.covers(now)), key=lambda one: one.ends, default=None)
    inside = not windows or is_open(map(read_window, windows), now)
    if frozen is None and inside:
        return None
    until = _opening(windows, freezes, now)
    if frozen is not None:
        why = f"{environment} is frozen {frozen.why}"
        later = until is not None and until > frozen.ends
    else:
        why, later = f"{environment} takes releases {', '.join(windows)} only", until is not None
    if later and until is not None:
        why += f"; next at {shown(until, _zone(windows))}"
    return Hold(why=why, until=until)


def _opening(windows: Sequence[str], freezes: Sequence[Frozen], now: datetime) -> datetime | None:
    """Return the first moment from ``now`` on that no freeze covers and that is in a window.

    Each step passes the end of a freeze, or is followed by one that does.
    """
    moment, read = now, [read_window(one) for one in windows]
    for _ in range(2 * len(freezes) + 2):
        if ends := [one.ends for one in freezes if one.covers(moment)]:
            moment = max(ends)
        elif not read or is_open(read, moment):
            return moment
        elif (opens := next_opening(read, moment)) is not None:
            moment = opens
        else:
            return None
    return None


def _zone(windows: Sequence[str]) -> tzinfo:
    """Return the zone that the windows are written in; UTC when they differ."""
    names = {one.rpartition(" ")[2] for one in windows}
    return read_zone(names.pop()) if len(names) == 1 else UTC
