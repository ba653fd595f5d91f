"""A worker that keeps one file: ``worker.py FILE PATH RUN``; a test kills it on its way."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import openstack

from slipway.artifactory.catalogue import Catalogue
from slipway.artifactory.files import Files
from slipway.openstack.glance.glance import Glance, NewImage
from slipway.pipelines.images.copying import keep_file
from slipway.pipelines.images.stores import Stores

if __name__ == "__main__":
    file, path, run = sys.argv[1:]
    cloud = openstack.connect(
        load_yaml_config=False,
        load_envvars=False,
        auth_type="v3applicationcredential",
        auth={
            "auth_url": os.environ["SLIPWAY_OPENSTACK_URL"],
            "application_credential_id": os.environ["SLIPWAY_OPENSTACK_CREDENTIAL_ID"],
            "application_credential_secret": os.environ["SLIPWAY_OPENSTACK_CREDENTIAL_SECRET"],
        },
        region_name=os.environ["SLIPWAY_OPENSTACK_REGION"],
        image_endpoint_override=os.environ["GLANCE"],
        image_api_version="2",
    )
    user, _, password = os.environ["ARTIFACTORY_LOGIN"].partition(":")
    stores = Stores(Files(Catalogue(os.environ["ARTIFACTORY"], user, password)), Glance(cloud))
    keep_file(stores, Path(file), path, NewImage("tests-copying", "raw", properties={"slipway_run": run}))
