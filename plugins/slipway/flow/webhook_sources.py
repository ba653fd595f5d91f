"""Where the secret of a repository's webhook is: ``webhook_secrets`` in ``apps.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import Field, model_validator

from slipway.flow.environments import ConnectionName
from slipway.flow.record import Matching, Record

WebhookScope = Annotated[
    str,
    Matching(
        r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}/(\*|(?!\.{1,2}$)[A-Za-z0-9_.-]{1,100})$",
        "must be a repository as owner/name, or `owner/*` for all of an owner",
    ),
]
VariableName = Annotated[
    str,
    Matching(
        r"^slipway_[A-Za-z0-9_.-]*[A-Za-z0-9]$",
        "must be the name of a variable of Airflow that starts with slipway_, like slipway_webhook_acme",
        max_length=250,
    ),
]


class SecretSource(Record):
    """What holds the secrets of a webhook: a connection of Airflow's, or a variable."""

    connection: ConnectionName | None = Field(default=None)
    """Connection whose extra field `webhook_secrets`, or else its password, has the secrets."""
    variable: VariableName | None = Field(default=None)
    """Variable whose value has the secrets."""

    @model_validator(mode="after")
    def _one_place(self) -> SecretSource:
        if (self.connection is None) == (self.variable is None):
            raise ValueError("must name a `connection` or a `variable`, one of them")
        return self

    def __str__(self) -> str:
        """For people."""
        return f"connection {self.connection}" if self.connection else f"variable {self.variable}"


INSTALLATION = SecretSource(connection="slipway_github")
"""Opens every repository that has no source of its own."""


def source_of(webhooks: Mapping[str, SecretSource], repository: str) -> SecretSource:
    """Return the one source whose secrets open a repository: its own, its owner's, or the installation's."""
    owner = repository.partition("/")[0]
    spelled = {scope.casefold(): source for scope, source in webhooks.items()}
    own = spelled.get(repository.casefold()) or spelled.get(f"{owner}/*".casefold())
    return own or INSTALLATION


def check_scopes(webhooks: Iterable[str], applications: Iterable[str]) -> None:
    """Check that each scope is there once, and that those of one repository are an application's.

    :raises ValueError: naming the scope.
    """
    known, seen = {name.casefold() for name in applications}, dict[str, str]()
    for scope in webhooks:
        if (other := seen.setdefault(scope.casefold(), scope)) != scope:
            raise ValueError(
                f"webhook_secrets: {other} and {scope} are one (case does not count): keep one entry"
            )
        if not scope.endswith("/*") and scope.casefold() not in known:
            raise ValueError(
                f"webhook_secrets: {scope} is not in `applications`: a repository that was renamed is "
                "renamed here, too. Correct its name, or remove it"
            )
