"""Which repositories may build, for which tenant, into which environments: ``include/apps.yaml``."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from slipway.flow.record import Name, Record, RepositoryName, SlipwayError

RefPattern = Annotated[str, StringConstraints(pattern=r"^refs/(heads|tags)/.+$", max_length=256)]


class Environment(Record):
    """A place to deploy to, and the refs that go there."""

    refs: tuple[RefPattern, ...] = Field(min_length=1)
    """Patterns of full ref names; ``*`` matches any characters (``refs/tags/v*``)."""
    namespace: Name
    """The tenant's Kubernetes namespace; Slipway writes nowhere else."""

    def takes(self, ref: str) -> bool:
        """Say whether a push to ``ref`` is deployed here."""
        return any(fnmatchcase(ref, pattern) for pattern in self.refs)


class Application(Record):
    """One repository that may build."""

    tenant: Name
    environments: dict[Name, Environment] = Field(min_length=1)

    def environment_for(self, ref: str) -> tuple[str, Environment] | None:
        """Return the first environment (in the file's order) that takes ``ref``, or None."""
        return next(((name, env) for name, env in self.environments.items() if env.takes(ref)), None)


class Apps(Record):
    """The allow-list as a whole."""

    version: Literal[1]
    applications: dict[RepositoryName, Application]

    def find(self, repository: str) -> Application | None:
        """Return the entry of ``repository`` (its name compared as GitHub does, without case)."""
        wanted = repository.casefold()
        return next((app for name, app in self.applications.items() if name.casefold() == wanted), None)

    def get(self, repository: str) -> Application:
        """Return the entry of ``repository``.

        :raises SlipwayError: when the repository may not build.
        """
        if (app := self.find(repository)) is None:
            known = ", ".join(sorted(self.applications)) or "none"
            raise SlipwayError(
                f"repository {repository!r} may not build: it is not in apps.yaml (which has: {known}). "
                "Add it there, with its tenant and environments."
            )
        return app
