"""``python3 environment.py``: writes ``.env`` and ``slipway.env`` as their examples, with secrets made here.

What is in these files stays; what they lack is added; what is empty and can be made or found is filled in.
They are readable by their owner only. Needs nothing but Python: who uses Compose has no virtual environment.

https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

SETTING = re.compile(r"^(?P<name>[A-Za-z_]\w*)=(?P<value>.*)$")
CONNECTION = re.compile(r"^AIRFLOW_CONN_(\w+)=", re.MULTILINE)
ENGINE, KVM = Path("/var/run/docker.sock"), Path("/dev/kvm")


def main(folder: Path) -> None:
    """Write both files, and say what was done and what is left to do."""
    made = write(folder / ".env.example", folder / ".env", VALUES)
    write(folder / "slipway.env.example", folder / "slipway.env", {})
    print(f".env: {'created ' + ', '.join(made) if made else 'nothing was missing'}")
    found = CONNECTION.findall((folder / "slipway.env").read_text())
    if found:
        print(f"slipway.env: has the connections {', '.join(found).lower()}")
    else:
        print("slipway.env: has no connection yet. Fill it in, or create them in the UI: docs/connections.md")


def write(example: Path, target: Path, values: Mapping[str, Callable[[], str]]) -> list[str]:
    """Write ``target``: as ``example`` when there is none, else what it has and lacks.

    :param values: what makes the value of a setting that has none.
    :return: the settings that got a value here.
    """
    had = target.read_text() if target.exists() else ""
    lines, made = filled((had or example.read_text()).splitlines(), values)
    if had:
        more, also = filled(_lacking(had, example.read_text()), values)
        lines, made = [*lines, *more], [*made, *also]
    _write("\n".join([*lines, ""]), target)
    return made


def filled(lines: list[str], values: Mapping[str, Callable[[], str]]) -> tuple[list[str], list[str]]:
    """Return ``lines`` with a value for each setting that had none, and those settings' names."""
    done, made = [], []
    for line in lines:
        setting = SETTING.match(line)
        name = setting["name"] if setting else ""
        value = values[name]() if setting and name in values and not setting["value"].strip() else ""
        done.append(f"{name}={value}" if value else line)
        made += [name] if value else []
    return done, made


def _lacking(text: str, example: str) -> list[str]:
    """Return the settings of ``example`` that ``text`` does not have, each with its comment."""
    known = {setting["name"] for line in text.splitlines() if (setting := SETTING.match(line))}
    lines: list[str] = []
    comment: list[str] = []
    for line in example.splitlines():
        setting = SETTING.match(line)
        if setting is None:
            comment = [*comment, line] if line.startswith("#") else []
        else:
            lines += [*comment, line] if setting["name"] not in known else []
            comment = []
    return lines


def _write(text: str, target: Path) -> None:
    aside = target.with_name(f"{target.name}.new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    aside.rename(target)


def _secret() -> str:
    return secrets.token_hex(32)


def _fernet() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _group_of(path: Path) -> Callable[[], str]:
    return lambda: str(path.stat().st_gid) if path.exists() else ""


VALUES: Mapping[str, Callable[[], str]] = {
    **dict.fromkeys(("POSTGRES_PASSWORD", "REDIS_PASSWORD", "AIRFLOW_SECRET_KEY"), _secret),
    **dict.fromkeys(("AIRFLOW_JWT_SECRET", "SLIPWAY_WEBHOOK_SECRET"), _secret),
    "AIRFLOW_ADMIN_PASSWORD": lambda: secrets.token_urlsafe(18),
    "AIRFLOW_FERNET_KEY": _fernet,
    "SLIPWAY_DOCKER_GROUP": _group_of(ENGINE),
    "KVM_DEVICE": lambda: str(KVM) if KVM.exists() else "",
    "KVM_GROUP": _group_of(KVM),
}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1])
