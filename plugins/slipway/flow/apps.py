"""Which repositories may build, for which tenant, into which environments: ``include/apps.yaml``."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property
from typing import Annotated

from pydantic import Field, PrivateAttr, model_validator

from slipway.flow.audience import Notify, Tickets
from slipway.flow.environments import CLOUD, CLUSTER, Environment, Retention
from slipway.flow.record import Matching, Name, Record, RepositoryName, SlipwayError, Version
from slipway.flow.repositories import check, index
from slipway.flow.webhook_sources import SecretSource, WebhookScope, check_scopes, source_of
from slipway.flow.webhooks import Webhooks

EventName = Annotated[
    str, Matching(r"^[a-z][a-z0-9_]{0,63}$", "must be the name of a webhook event, like workflow_run")
]
RefName = Annotated[
    str,
    Matching(
        r"^refs/(heads|tags)/[^\x00-\x20\x7f*?\[]+$",
        "must be one ref's full name, like refs/heads/main, without a pattern",
        max_length=256,
    ),
]


class Rebuild(Record):
    """What is built again every night, so that repaired base images arrive."""

    refs: tuple[RefName, ...] | None = None
    """Full ref names; when it is left out, the branches that the environments name without a pattern."""
    deploy: bool = True
    """Deploy what came out otherwise than before; what is unchanged is never deployed again."""


JobPattern = Annotated[
    str,
    Matching(
        r"^(?!.*\[[^\]]*$)[A-Za-z0-9._@%+*?\[\] -]+(/[A-Za-z0-9._@%+*?\[\] -]+)*$",
        "must be a Jenkins job's full name, or a pattern, like team/app or team/*; `[` needs its `]`",
        max_length=255,
    ),
]


class Application(Record):
    """One repository that may build."""

    tenant: Name
    """Whose it is; a namespace belongs to one tenant."""
    environments: dict[Name, Environment] = Field(min_length=1)
    """Where its refs are deployed to; of several that take a ref, the first."""
    id: Annotated[int, Field(strict=True, ge=1, lt=2**63)] | None = None
    """The code registry's number of the repository (`repository.id` of a delivery); no rename changes it."""
    renamed_from: tuple[RepositoryName, ...] = Field(default=(), max_length=20)
    """Its former names, the oldest first: what was deployed under them is the application's."""
    rebuild: Rebuild = Rebuild()
    """What the night builds again; `{refs: []}` for nothing."""
    jenkins_jobs: tuple[JobPattern, ...] = ()
    """Full names of the Jenkins jobs that it may have build; ``*`` matches any characters (``team/*``)."""
    retention: Retention = Retention()
    """Which images stay."""
    notify: Notify | None = None
    """Who gets messages about how runs end, and by which channels."""
    tickets: Tickets | None = None
    """Where failures are issues in Jira."""

    @property
    def rebuilt_refs(self) -> tuple[str, ...]:
        """The refs whose newest commit is built again every night."""
        if self.rebuild.refs is not None:
            return self.rebuild.refs
        named = (ref for environment in self.environments.values() for ref in environment.named_refs)
        return tuple(dict.fromkeys(ref for ref in named if ref.startswith("refs/heads/")))

    def retention_of(self, environment: str) -> Retention:
        """Return which releases of an environment stay: what it does not say, the application says for it."""
        found = self.environments.get(environment)
        own = found.retention.model_dump(exclude_unset=True) if found and found.retention else {}
        return self.retention.model_copy(update=own)

    def check_jenkins_job(self, job: str, repository: str) -> None:
        """Check that a job of Jenkins may be started for the application.

        :param repository: whose entry this is, for the error.
        :raises SlipwayError: when it may not.
        """
        if not any(fnmatchcase(job, pattern) for pattern in self.jenkins_jobs):
            known = ", ".join(self.jenkins_jobs) or "none"
            raise SlipwayError(
                f"build.jenkins: {repository} may not start Jenkins job {job!r}: jenkins_jobs in apps.yaml "
                f"does not allow it (it allows: {known}). Ask for it to be added there."
            )

    def environment_for(self, ref: str) -> tuple[str, Environment] | None:
        """Return the first environment (in the file's order) that takes ``ref``, or None."""
        return next(((name, env) for name, env in self.environments.items() if env.takes(ref)), None)

    def get_environment(self, name: str, repository: str) -> Environment:
        """Return the environment called ``name``.

        :param repository: whose entry this is, for the error.
        :raises SlipwayError: when there is none.
        """
        if (found := self.environments.get(name)) is None:
            known = ", ".join(self.environments)
            raise SlipwayError(f"apps.yaml has no environment {name!r} for {repository}. It has: {known}.")
        return found


class Apps(Record):
    """The allow-list as a whole."""

    version: Version
    """Version of this format."""
    applications: dict[RepositoryName, Application]
    """Every repository that may build, by owner/name."""
    webhook_secrets: dict[WebhookScope, SecretSource] = {}
    """Which secrets sign the deliveries of a repository, or of all of an owner (`owner/*`)."""
    events: tuple[EventName, ...] = ()
    """Webhook events that are kept for ``WebhookSensor``; pushes always are."""
    webhooks: Webhooks = Webhooks()
    """Limits that protect the webhook."""
    _file: str = PrivateAttr("apps.yaml")

    @model_validator(mode="after")
    def _one_entry_a_repository(self) -> Apps:
        spellings: dict[str, str] = {}
        for name in self.applications:
            other = spellings.setdefault(name.casefold(), name)
            if other != name:
                raise ValueError(
                    f"{other} and {name} are one repository (case does not count): keep one entry"
                )
        check(self.applications)
        check_scopes(self.webhook_secrets, self.applications)
        return self

    @model_validator(mode="after")
    def _one_tenant_a_namespace(self) -> Apps:
        owners: dict[tuple[str, str], str] = {}
        for app in self.applications.values():
            for environment in app.environments.values():
                tenant = environment.tenant or app.tenant
                owner = owners.setdefault((environment.kubernetes, environment.namespace), tenant)
                if owner != tenant:
                    raise ValueError(
                        f"namespace {environment.namespace} is of tenant {owner} and of tenant {tenant}: "
                        "a namespace belongs to one tenant, give one of them another"
                    )
        return self

    @cached_property
    def _names(self) -> dict[str, str]:
        return index(self.applications)

    @property
    def file(self) -> str:
        """The path of the file that this was read from, for messages."""
        return self._file

    def of_file(self, path: str) -> Apps:
        """Return the same, which says that it was read from ``path``."""
        named = self.model_copy()
        named._file = path
        return named

    @property
    def clouds(self) -> list[str]:
        """The connections of all clouds: the one that images are built in first."""
        named = (env.openstack for app in self.applications.values() for env in app.environments.values())
        return list(dict.fromkeys((CLOUD, *named)))

    @property
    def named_refs(self) -> tuple[str, ...]:
        """The refs that environments name without a pattern."""
        environments = (env for app in self.applications.values() for env in app.environments.values())
        return tuple(sorted({ref for env in environments for ref in env.named_refs}))

    @property
    def environment_names(self) -> tuple[str, ...]:
        """What the environments of all applications are called."""
        return tuple(sorted({name for app in self.applications.values() for name in app.environments}))

    @property
    def namespaces(self) -> dict[str, list[str]]:
        """The namespaces that Slipway deploys to, by the connection of their cluster."""
        found: dict[str, set[str]] = {CLUSTER: set()}
        for app in self.applications.values():
            for environment in app.environments.values():
                found.setdefault(environment.kubernetes, set()).add(environment.namespace)
        return {connection: sorted(names) for connection, names in found.items()}

    def find(self, repository: str) -> Application | None:
        """Return the entry of ``repository``, by its name or a former one (case does not count)."""
        name = self.name_of(repository)
        return None if name is None else self.applications[name]

    def name_of(self, repository: str) -> str | None:
        """Return how the file spells ``repository``, by its name or a former one; None if it is not there."""
        return self._names.get(repository.casefold())

    def present_name(self, repository: str) -> str:
        """Return the present name of a repository; the same one when it is not in the file."""
        return self.name_of(repository) or repository

    def names_of(self, repository: str) -> tuple[str, ...]:
        """Return all names that a renamed repository has had, the oldest first; none if it never was."""
        name = self.name_of(repository)
        former = () if name is None else self.applications[name].renamed_from
        return (*former, str(name)) if former else ()

    def secret_source(self, repository: str) -> SecretSource:
        """Return where the secrets are that open ``repository``."""
        return source_of(self.webhook_secrets, repository)

    def get(self, repository: str) -> Application:
        """Return the entry of ``repository``.

        :raises SlipwayError: when the repository may not build.
        """
        if (app := self.find(repository)) is None:
            known = ", ".join(sorted(self.applications)) or "none"
            raise SlipwayError(
                f"repository {repository!r} may not build: it is not in {self.file} (which has: {known}). "
                "Add it there, with its tenant and environments."
            )
        return app
