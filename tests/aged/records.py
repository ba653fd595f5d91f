"""The JSON of one push as the product writes it, with places to fill in by SQL.

Each place is a value that the product takes: PostgreSQL replaces its text in each row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from slipway.flow.deployment import Deployment
from slipway.flow.ended import Ended
from slipway.flow.history import came
from slipway.flow.image import Built, Image
from slipway.flow.platforms import Platform
from slipway.flow.push import PushEvent
from slipway.flow.push_progress import PlatformProgress
from tests.flow.builders import NOON

REPOSITORY, APPLICATION = "octo/application", "the-application"
COMMIT, BEFORE = "c0ffee" * 6 + "c0ff", "b0ffee" * 6 + "b0ff"
DIGEST = f"sha256:{'d' * 64}"
AT = NOON.strftime("%Y-%m-%dT%H:%M:%SZ")
PLACES = {
    REPOSITORY: "repository",
    APPLICATION: "'app-' || app",
    COMMIT: "commit",
    BEFORE: "before",
    "d" * 64: "digest",
    AT: """to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')""",
}
"""What stands in the JSON, and the expression that takes its place."""

PUSH = PushEvent(
    repository=REPOSITORY, ref="refs/heads/main", commit=COMMIT, pusher="mona", delivery="d", at=NOON
)


def _image(platform: Platform) -> Image:
    return Image(
        platform=platform,
        application=APPLICATION,
        repository=REPOSITORY,
        commit=COMMIT,
        digest=DIGEST,
        input_digest=DIGEST,
        reference=f"registry:5000/docker-local/acme/{APPLICATION}@{DIGEST}",
    )


def _built(platform: Platform, image: Image | None) -> Built:
    return Built(push=PUSH, platform=platform, image=image)


BUILTS = {
    "container": _built("container", _image("container")),
    "vm": _built("vm", None),
    "bare_metal": _built("bare_metal", None),
}
DEPLOYMENT = Deployment(
    push=PUSH,
    application=APPLICATION,
    environment="production",
    platform="container",
    image=_image("container"),
    where=f"acme/deployment/{APPLICATION}",
    replaced=DIGEST,
    since=NOON,
)
RAN = came([DEPLOYMENT], None, None)
ENDED = Ended(
    dag_id="container_image",
    run_id="run",
    good=False,
    repository=REPOSITORY,
    ref=PUSH.ref,
    commit=COMMIT,
    environment="production",
    pushed_at=NOON,
)

JSONS: Mapping[str, object] = {
    "conf": {"push": PUSH.to_json()},
    "progress": {
        "repository": REPOSITORY,
        "platforms": {
            name: PlatformProgress(state="done", built=one).to_json() for name, one in BUILTS.items()
        },
    },
    "failed": {
        "repository": REPOSITORY,
        "platforms": {"container": PlatformProgress(state="failed", reason="the build failed").to_json()},
    },
    "past": RAN.past.model_copy(update={"before": BEFORE}).to_json(),
    "deployments": RAN.to_json()["deployments"],
    "deployment": DEPLOYMENT.to_json(),
    "built": BUILTS["container"].to_json(),
    "nothing": BUILTS["vm"].to_json(),
    "ended": {"ended": ENDED.to_json()},
}


def sql_of(name: str) -> str:
    """Return the expression that makes this JSON of a row of pushes, as text."""
    made = "'" + json.dumps(JSONS[name]).replace("'", "''") + "'"
    for place, expression in PLACES.items():
        if place in made:
            made = f"replace({made}, '{place}', {expression})"
    return made
