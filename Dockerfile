# Airflow with Slipway in it: one image for the API server, scheduler, DAG processor and triggerer.
ARG PYTHON_IMAGE=python:3.11-slim
FROM ${PYTHON_IMAGE}

# git fetches the commits that are built; tini passes signals on, so that a stopping task can clean up.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates git tini \
 && rm -rf /var/lib/apt/lists/*

RUN useradd --uid 50000 --gid 0 --create-home --home-dir /opt/airflow airflow
WORKDIR /opt/slipway

COPY requirements.txt ./
RUN pip install --no-cache-dir --requirement requirements.txt

COPY pyproject.toml requirements.in ./
COPY plugins plugins
COPY dags dags
COPY include include
RUN pip install --no-cache-dir --no-deps --editable . \
 && mkdir /opt/airflow/logs \
 && chown -R airflow:0 /opt/airflow

USER airflow
ENV AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/slipway/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/slipway/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=false
ENTRYPOINT ["tini", "--", "airflow"]
CMD ["version"]
