"""What a request for a build gives its parameters: https://plugins.jenkins.io/build-with-parameters/."""

from __future__ import annotations

import json
from collections.abc import Mapping

from lab.jenkins.config import Config
from lab.jenkins.refusal import Refusal


def submitted(config: Config, form: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of the form that a person fills in (``build`` with the field ``json``).

    :raises Refusal: 400 when the job has parameters and nothing was submitted, or what it does not know.
    """
    if not config.parameters:
        return {}
    if "json" not in form:
        raise Refusal(400, "This page expects a form submission but had only {}")
    given = json.loads(form["json"]).get("parameter", [])
    values = {one["name"]: str(one["value"]) for one in (given if isinstance(given, list) else [given])}
    if unknown := sorted(values.keys() - {one.name for one in config.parameters}):
        raise Refusal(400, f"No such parameter definition: {unknown[0]}")
    return values


def queried(config: Config, form: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of ``buildWithParameters``: defaults for what is not given, the unknown left out.

    :raises Refusal: 500, as Jenkins, when the job has none; 400 for a value that is no choice.
    """
    if not config.parameters:
        raise Refusal(500, "This build is not parameterized!")
    values = {}
    for one in config.parameters:
        value = form.get(one.name, one.default)
        if value is None:
            continue
        if one.choices and value not in one.choices:
            raise Refusal(400, f"Illegal choice for parameter {one.name}: {value}")
        values[one.name] = value
    return values
