"""sushy-emulator: Redfish controllers of machines that are not there, for Ironic's ``redfish`` driver.

https://docs.openstack.org/sushy-tools/latest/user/dynamic-emulator.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import NAMESPACE_DNS, uuid5

from lab.daemon import Daemon, asked
from lab.openstack.cloud import Cloud
from lab.ports import HOST
from lab.process import Process

SYSTEMS = ("redfish-1", "redfish-2")


def system_id(name: str) -> str:
    """Return a system's id, which stays what it was over restarts."""
    return str(uuid5(NAMESPACE_DNS, name))


def address(cloud: Cloud) -> str:
    """Return where the controllers answer."""
    return f"http://{HOST}:{cloud.ground.ports.get('redfish', 8000)}"


def mac(index: int) -> str:
    """Return the address of a machine's network card: locally administered, the lab's."""
    return f"02:51:1b:00:{index >> 8:02x}:{index & 255:02x}"


@dataclass(frozen=True)
class Redfish(Daemon):
    """The controllers, in one process."""

    ready_seconds = 60

    cloud: Cloud
    name: str = "redfish"
    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Their address."""
        return address(self.cloud)

    def start(self) -> None:
        """Start them and wait for the first answer."""
        self.cloud.distribution.make()
        folder = self.cloud.of(self.name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "emulator.conf").write_text(self._settings())
        super().start()

    def answers(self) -> bool:
        """Say whether they answer."""
        return asked(f"{self.url}/redfish/v1/") is not None

    def exports(self) -> Mapping[str, str]:
        """Nothing: Ironic alone talks to them."""
        return {}

    @property
    def process(self) -> Process:
        """sushy-emulator."""
        folder = self.cloud.of(self.name)
        program = self.cloud.distribution.program("sushy-emulator")
        return Process(
            name=self.name,
            command=[program, "--config", str(folder / "emulator.conf")],
            paths=self.cloud.ground.paths,
            folder=folder,
        )

    def _settings(self) -> str:
        systems = [
            {"uuid": system_id(name), "name": name, "power_state": "Off", "nics": [{"mac": mac(index)}]}
            for index, name in enumerate(SYSTEMS, 1)
        ]
        settings: Mapping[str, object] = {
            "SUSHY_EMULATOR_LISTEN_IP": HOST,
            "SUSHY_EMULATOR_LISTEN_PORT": int(self.url.rpartition(":")[2]),
            "SUSHY_EMULATOR_FAKE_DRIVER": True,
            "SUSHY_EMULATOR_FAKE_SYSTEMS": systems,
            "SUSHY_EMULATOR_STATE_DIR": str(self.cloud.of(self.name)),
        }
        return "".join(f"{name} = {value!r}\n" for name, value in settings.items())
