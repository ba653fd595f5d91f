"""Keystone: https://docs.openstack.org/keystone/latest/"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.openstack import identity
from lab.openstack.cloud import REGION, Cloud
from lab.openstack.kind import Kind
from lab.openstack.settings import Settings

FILE = "keystone.conf"


def _variables(cloud: Cloud) -> Mapping[str, str]:
    return {
        "OS_KEYSTONE_CONFIG_FILES": str(cloud.of("keystone") / FILE),
        "OS_BOOTSTRAP_PASSWORD": cloud.password("admin"),
    }


def _settings(cloud: Cloud) -> Settings:
    folder = cloud.of("keystone")
    return {
        "database": {"connection": cloud.database("keystone")},
        "token": {"provider": "fernet", "expiration": "86400"},
        "fernet_tokens": {"key_repository": f"{folder}/fernet-keys"},
        "fernet_receipts": {"key_repository": f"{folder}/fernet-receipts"},
        "credential": {"key_repository": f"{folder}/credential-keys"},
        # As few rounds as bcrypt takes: a token in 15 ms, not in 400.
        "identity": {"password_hash_rounds": "4"},
        "cache": {"enabled": "true", "backend": "dogpile.cache.memory"},
    }


def _tables(cloud: Cloud) -> Sequence[Sequence[str]]:
    manage = ["keystone-manage", "--config-file", str(cloud.of("keystone") / FILE)]
    owner = ["--keystone-user", "root", "--keystone-group", "root"]
    urls = [f"--bootstrap-{interface}-url={cloud.identity}" for interface in ("admin", "internal", "public")]
    return [
        [*manage, "db_sync"],
        [*manage, "fernet_setup", *owner],
        [*manage, "credential_setup", *owner],
        [*manage, "bootstrap", "--bootstrap-region-id", REGION, *urls],
    ]


KEYSTONE = Kind(
    name="keystone",
    needs=(),
    file=FILE,
    variables=_variables,
    settings=_settings,
    tables=_tables,
    seed=identity.seed,
    exports=identity.exports,
)
