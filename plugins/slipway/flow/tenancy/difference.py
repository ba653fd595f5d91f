"""From what is there to what is wanted: what is made, changed and removed, and whether that is plausible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from slipway.flow.kubernetes.objects import Json, mapping
from slipway.flow.tenancy.directory import ImplausibleError
from slipway.flow.tenancy.policy import Guard, Policy
from slipway.flow.tenancy.wanted import GONE_SINCE, PROJECT, TENANCY, WantedTenancy

_UNITS = {"m": Decimal("0.001"), "": Decimal(1)} | {
    unit: Decimal(base) ** power
    for base, names in ((1000, ("k", "M", "G", "T", "P", "E")), (1024, ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei")))
    for power, unit in enumerate(names, 1)
}


_COMPARED: Mapping[str, tuple[str, ...]] = {
    "Namespace": (),
    "ClusterRole": ("rules",),
    "RoleBinding": ("roleRef", "subjects"),
    "ResourceQuota": ("spec",),
    "LimitRange": ("spec",),
}
"""What of a kind is ours, beside its labels and annotations."""


class Key(NamedTuple):
    """Names an object of the cluster."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """As people name it: ``rolebinding demo/slipway:tenants:member``."""
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind.lower()} {place}{self.name}"


@dataclass
class Changes:
    """What is to be done, in the order in which it is done: rights are taken before others are given."""

    delete: list[Key] = field(default_factory=list)
    mark: dict[Key, str | None] = field(default_factory=dict)
    """Namespaces by the moment since when their project is gone; None takes the mark away."""
    apply: list[Json] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    """For people: ``+ rolebinding demo/...``, ``~``, ``-``."""

    def __bool__(self) -> bool:
        """Say whether there is anything to do."""
        return bool(self.delete or self.mark or self.apply)


def key_of(body: Json) -> Key:
    """Return an object's name."""
    metadata = body["metadata"]
    return Key(body["kind"], metadata.get("namespace", ""), metadata["name"])


def difference(wanted: WantedTenancy, live: Sequence[Json], policy: Policy, now: datetime) -> Changes:
    """Compare.

    :param live: every namespace, and the objects with this policy's label.
    """
    there = {key_of(body): body for body in live}
    done = Changes()
    for body in wanted.objects:
        key = key_of(body)
        found = there.get(key)
        if found is None or not _is_as(body, found):
            done.lines.append(f"{'+' if found is None else '~'} {key}{_about(body)}")
            done.apply.append(body)
        if found is not None and found.get("roleRef") != body.get("roleRef"):
            done.delete.append(key)  # a binding's role cannot be changed
    named = {key_of(body) for body in wanted.objects}
    for key, body in there.items():
        if key.kind == "Namespace":
            _settle(key, body, key in named, wanted, policy, now, done)
        elif key not in named and _labels(body).get(TENANCY) == policy.name:
            done.delete.append(key)
            done.lines.append(f"- {key}")
    done.lines.sort(key=lambda line: ("-~+".index(line[0]), line))
    return done


def require_plausible(guard: Guard, before: int, removed: int, what: str) -> None:
    """Refuse to take away too much at once.

    :raises ImplausibleError: with the figures and the cure.
    """
    if removed > guard.at_least and removed * 100 > before * guard.max_removed_percent:
        raise ImplausibleError(
            f"nothing was changed: {removed} of {before} {what} would be removed, which is more than "
            f"guard.max_removed_percent ({guard.max_removed_percent} %) allows. If Keystone is right, start "
            "tenant_sync once with *Remove everything that Keystone no longer has*"
        )


def require_plausible_changes(guard: Guard, changes: Changes, live: Sequence[Json], policy: Policy) -> None:
    """Refuse changes that take rights from too many at once: bindings removed, projects that are gone.

    :raises ImplausibleError: with the figures and the cure.
    """
    again = {key_of(body) for body in changes.apply}
    removed = sum(key.kind == "RoleBinding" and key not in again for key in changes.delete)
    removed += sum(since is not None for since in changes.mark.values())
    ours = [body for body in live if _labels(body).get(TENANCY) == policy.name]
    before = sum(body["kind"] in ("RoleBinding", "Namespace") for body in ours)
    require_plausible(guard, before, removed, "bindings and namespaces")


def _settle(
    key: Key, body: Json, named: bool, wanted: WantedTenancy, policy: Policy, now: datetime, done: Changes
) -> None:
    """Mark a namespace whose project is gone, take the mark away when it is back, delete it in the end."""
    labels, annotations = _labels(body), mapping(body["metadata"].get("annotations"))
    if labels.get(TENANCY) != policy.name or PROJECT not in labels:
        return
    since = annotations.get(GONE_SINCE)
    if named or key.name in wanted.kept:
        if since is not None:
            done.mark[key] = None
            done.lines.append(f"~ {key}: its project is back")
        return
    if body["metadata"].get("deletionTimestamp"):
        return
    if since is None:
        done.mark[key] = now.isoformat(timespec="seconds")
        done.lines.append(f"~ {key}: its project is gone; {_what_becomes(policy)}")
    elif policy.removal.delete and _moment(since, now) + timedelta(days=policy.removal.grace_days) <= now:
        done.delete.append(key)
        done.lines.append(f"- {key}, with everything in it: its project has been gone since {since}")


def _what_becomes(policy: Policy) -> str:
    if not policy.removal.delete:
        return "kept, without rights"
    return f"kept {policy.removal.grace_days} days, then deleted"


def _moment(text: str, now: datetime) -> datetime:
    """Read a mark; one that cannot be read is as good as made now, and a namespace is kept by it."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return now
    return moment if moment.tzinfo else now


def _is_as(wanted: Json, live: Json) -> bool:
    """Say whether an object is as it is wanted; labels and annotations of others may be on it."""
    for part in ("labels", "annotations"):
        have = mapping(live["metadata"].get(part))
        if any(have.get(name) != value for name, value in wanted["metadata"].get(part, {}).items()):
            return False
    return all(_plain(live.get(part)) == _plain(wanted.get(part)) for part in _COMPARED[wanted["kind"]])


def _plain(value: Any) -> Any:
    """Return a value in which equal quantities are equal: the API server writes 1000m as 1."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, str) and value[:1].isdigit():
        digits = value.rstrip("mkKMGTPEi")
        unit = value[len(digits) :]
        if unit in _UNITS and digits.replace(".", "", 1).isdigit():
            return Decimal(digits) * _UNITS[unit]
    return value or None


def _labels(body: Json) -> Mapping[str, str]:
    return mapping(body["metadata"].get("labels"))


def _about(body: Json) -> str:
    annotations: Mapping[str, str] = body["metadata"].get("annotations", {})
    return f" ({'; '.join(annotations.values())})" if annotations else ""
