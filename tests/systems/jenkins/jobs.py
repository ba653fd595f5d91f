"""Freestyle projects as Jenkins writes them, made of what a test needs."""

from __future__ import annotations

from html import escape

STRING = "hudson.model.StringParameterDefinition"
OURS = ("SLIPWAY_BUILD", "SLIPWAY_COMMIT", "SLIPWAY_REPOSITORY", "SLIPWAY_REF")


def project(
    script: str = "true",
    *,
    parameters: tuple[str, ...] = (),
    choices: tuple[str, ...] = (),
    asks: bool = False,
    artifacts: str = "",
    fingerprint: bool = True,
    unstable: int | None = None,
    quiet: int = 0,
    disabled: bool = False,
    concurrent: bool = True,
    notifies: bool = False,
) -> str:
    """Return a ``config.xml``.

    :param choices: of a parameter CHOICE.
    :param asks: has a file as a parameter, for which there is no default.
    """
    asked = "".join(f"<{STRING}><name>{name}</name></{STRING}>" for name in parameters)
    if choices:
        listed = "".join(f"<string>{one}</string>" for one in choices)
        kind = "hudson.model.ChoiceParameterDefinition"
        asked += f"<{kind}><name>CHOICE</name><choices><a>{listed}</a></choices></{kind}>"
    if asks:
        kind = "hudson.model.FileParameterDefinition"
        asked += f"<{kind}><name>KEYSTORE</name></{kind}>"
    archiver = "hudson.tasks.ArtifactArchiver"
    publisher = f"<artifacts>{artifacts}</artifacts><fingerprint>{str(fingerprint).lower()}</fingerprint>"
    return (
        f"<?xml version='1.1' encoding='UTF-8'?>\n<project><properties>{_parameters(asked)}"
        f"{_notification() if notifies else ''}</properties>"
        f"<quietPeriod>{quiet}</quietPeriod><disabled>{str(disabled).lower()}</disabled>"
        f"<concurrentBuild>{str(concurrent).lower()}</concurrentBuild>"
        f"<builders><hudson.tasks.Shell><command>{escape(script)}</command>"
        f"{'' if unstable is None else f'<unstableReturn>{unstable}</unstableReturn>'}"
        "</hudson.tasks.Shell></builders>"
        f"<publishers>{f'<{archiver}>{publisher}</{archiver}>' if artifacts else ''}</publishers></project>"
    )


def _parameters(asked: str) -> str:
    kind = "hudson.model.ParametersDefinitionProperty"
    listed = f"<parameterDefinitions>{asked}</parameterDefinitions>"
    return f"<{kind}>{listed}</{kind}>" if asked else ""


def _notification() -> str:
    plugin = "com.tikal.hudson.plugins.notification"
    url = "<urlInfo><urlOrId>$SLIPWAY_WEBHOOK</urlOrId></urlInfo><event>finalized</event>"
    endpoint = f"<endpoints><{plugin}.Endpoint>{url}</{plugin}.Endpoint></endpoints>"
    return f"<{plugin}.HudsonNotificationProperty>{endpoint}</{plugin}.HudsonNotificationProperty>"
