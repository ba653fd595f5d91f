"""Which application of ``apps.yaml`` a repository is: by the code registry's id, its name, or a former one.

A name can be given away and registered again by somebody else; an id cannot. Who sends a name is believed by
its id where ``apps.yaml`` has one. Former names count only for what Slipway itself wrote down before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol


class RegisteredRepository(Protocol):
    """What an application says of its repository."""

    @property
    def id(self) -> int | None:
        """The code registry's number of it."""

    @property
    def renamed_from(self) -> tuple[str, ...]:
        """Its former names, the oldest first."""


@dataclass(frozen=True)
class Identified:
    """The application that a delivery is about."""

    name: str = ""
    """As ``apps.yaml`` spells it; empty when it is not in there."""
    refusal: str = ""
    """Why it is not believed, with the cure."""
    warning: str = ""
    """What is to be changed in ``apps.yaml``."""


def check(applications: Mapping[str, RegisteredRepository]) -> None:
    """Check that each name, former name and id belongs to one application.

    :raises ValueError: naming the two that share one.
    """
    names, ids = {name.casefold(): name for name in applications}, dict[int, str]()
    for name, one in applications.items():
        if one.id is not None and (other := ids.setdefault(one.id, name)) != name:
            raise ValueError(f"{other} and {name} have the same id {one.id}: an id is one repository's")
        for former in one.renamed_from:
            other = names.setdefault(former.casefold(), f"a former name of {name}")
            if other != f"a former name of {name}":
                raise ValueError(
                    f"{former} is a former name of {name} and also {_described(other, applications)}: what "
                    "was deployed under this name must belong to one of them. Remove it from one"
                )


def _described(other: str, applications: Mapping[str, RegisteredRepository]) -> str:
    return f"the application {other}" if other in applications else other


def index(applications: Mapping[str, RegisteredRepository]) -> dict[str, str]:
    """Return how the file spells each repository, by its name and its former ones in lower case."""
    former = {was.casefold(): name for name, one in applications.items() for was in one.renamed_from}
    return former | {name.casefold(): name for name in applications}


def is_one_of(repository: str, names: Iterable[str]) -> bool:
    """Say whether a repository is one of these names, as GitHub compares them."""
    return repository.casefold() in {name.casefold() for name in names}


def _was(one: RegisteredRepository, wanted: str) -> bool:
    return any(former.casefold() == wanted for former in one.renamed_from)


def identify(
    applications: Mapping[str, RegisteredRepository],
    name: str,
    number: int | None,
    file: str,
    *,
    needs_id: bool = True,
) -> Identified:
    """Return the application that a delivery is about.

    :param name: of the repository, as the sender has it now.
    :param number: the sender's id of it; None when there is none in the delivery.
    :param file: where the applications are, for messages.
    :param needs_id: refuse a delivery without an id for an application that has one.
    """
    wanted = name.casefold()
    if number is not None:
        for known, one in applications.items():
            if one.id == number:
                return Identified(known, warning=_renamed(known, one, name, file))
    for known, one in applications.items():
        if known.casefold() == wanted:
            compared = needs_id or number is not None
            return Identified(known, refusal=_not_it(known, one, number, file) if compared else "")
        if _was(one, wanted):
            return Identified(
                refusal=f"repository {name} is {known} in {file} now: its former name builds nothing. Send "
                f"deliveries under the new one, or with repository.id, and give {known} its `id` in {file}"
            )
    return Identified()


def _renamed(known: str, one: RegisteredRepository, name: str, file: str) -> str:
    if name.casefold() == known.casefold():
        return ""
    formerly = ", ".join((*one.renamed_from, known))
    return (
        f"repository {known} is called {name} at the sender now, and is followed by its id {one.id}. In "
        f"{file}, rename {known} to {name} and give it `renamed_from: [{formerly}]`"
    )


def _not_it(known: str, one: RegisteredRepository, number: int | None, file: str) -> str:
    if one.id is None:
        return ""
    if number is None:
        return (
            f"repository {known} has the id {one.id} in {file}, and the delivery has no repository.id: it "
            "cannot be compared. Have the sender send the id, or remove it there"
        )
    return (
        f"repository {known} of this delivery has the id {number}, and {known} in {file} has the id "
        f"{one.id}: it is another repository under the same name, which inherits nothing. If it is "
        f"the right one, set `id: {number}` there"
    )
