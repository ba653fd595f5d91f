# Airflow with Slipway in it, in two sizes. Target `slipway` is what the API server, the scheduler, the DAG
# processor, the triggerer and the worker that builds containers run; `machine-images` has the programs, too,
# that build and boot the images of virtual machines and bare metal.
#
# Debian 12, since later releases have no Packer.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM scratch AS code
COPY pyproject.toml requirements.in LICENSE /
COPY compose /compose
COPY plugins /plugins
COPY dags /dags
COPY include /include


FROM ${PYTHON_IMAGE} AS packages

# git fetches the commits that are built; tini passes signals on, so that a stopping task can clean up.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates git tini \
 && rm -rf /var/lib/apt/lists/*

RUN useradd --uid 50000 --gid 0 --create-home --home-dir /opt/airflow airflow
WORKDIR /opt/slipway

COPY requirements.txt ./
RUN pip install --no-cache-dir --compile --requirement requirements.txt

# The folders are there for the volumes: a new volume takes owner and rights from the folder it is mounted on.
RUN install --directory --owner airflow --group root /opt/airflow/logs /opt/airflow/slipway
ENV AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/slipway/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/slipway/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=false
ENTRYPOINT ["tini", "--", "airflow"]
CMD ["version"]


# Before the code, which changes more often.
FROM packages AS programs
# What your elements and templates call on the worker besides, as names of Debian's packages.
ARG WORKER_PACKAGES=""
# docs/vm.md and docs/bare_metal.md say what needs which.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
      bubblewrap packer qemu-system-x86 qemu-utils ovmf \
      debootstrap dosfstools gdisk kpartx procps squashfs-tools sudo \
      ${WORKER_PACKAGES} \
 && rm -rf /var/lib/apt/lists/*


FROM programs AS machine-images
COPY --from=code / /opt/slipway/
RUN pip install --no-cache-dir --no-deps --editable .
USER airflow


FROM packages AS slipway
COPY --from=code / /opt/slipway/
RUN pip install --no-cache-dir --no-deps --editable .
USER airflow
