"""What the notification plugin sends when a build has ended, signed so that Slipway's webhook takes it.

https://plugins.jenkins.io/notification/
"""

from __future__ import annotations

from string import Template
from typing import Any

from lab.git.delivery import deliver, delivery_request
from lab.jenkins.home import Build, Home
from lab.jenkins.settings import Settings

EVENT = "jenkins_build"


def notify(settings: Settings, home: Home, build: Build, endpoint: str) -> str:
    """Send it; returns what the receiver answered.

    :param endpoint: an address, in which global variables are put in as the plugin does.
    """
    url = Template(endpoint).safe_substitute(settings.environment)
    return deliver(delivery_request(url, settings.webhook_secret, EVENT, _payload(settings, home, build)))


def _payload(settings: Settings, home: Home, build: Build) -> dict[str, Any]:
    job = f"job/{'/job/'.join(build.job.split('/'))}/"
    full = f"{settings.url}{job}{build.number}/"
    return {
        "name": build.job.rpartition("/")[2],
        "url": job,
        "repository": {"full_name": build.parameters.get("SLIPWAY_REPOSITORY", "")},
        "build": {
            "full_url": full,
            "number": build.number,
            "queue_id": build.queue_id,
            "phase": "FINALIZED",
            "status": build.result,
            "url": f"{job}{build.number}/",
            "parameters": build.parameters,
            "artifacts": {
                path.rpartition("/")[2]: {"archive": f"{full}artifact/{path}"}
                for path in home.artifacts(build)
            },
        },
    }
