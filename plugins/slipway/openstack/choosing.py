"""Which of the cloud's things a name or an id means; an error says which there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from slipway.openstack.errors import OpenstackError

SHOWN = 30


def one(field: str, wanted: str, things: Iterable[Any]) -> Any:
    """Return the thing of this id or name.

    :param field: of ``vm.nova``, which asks for it.
    :raises OpenstackError: when there is none, or several have the name.
    """
    known = list(things)
    found = [one for one in known if one.id == wanted] or [one for one in known if one.name == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(sorted(str(one.id) for one in found))
        raise OpenstackError(
            f"vm.nova.{field}: {wanted!r} is the name of {len(found)} of them. Give the id: {ids}."
        )
    names = listed(str(one.name) for one in known)
    raise OpenstackError(f"vm.nova.{field}: the cloud has no {wanted!r}. It has: {names}.")


def listed(names: Iterable[str]) -> str:
    """Return the names for people: sorted, and not too many."""
    known = sorted(set(names))
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return (", ".join(known[:SHOWN]) or "none") + more
