# The image of the worker and of the command line (target `worker`, the default), and that of the simulated platform
# (target `lab`). docs/how-to/compose.md tells how they are used.
# The Python that all tests run on.
ARG PYTHON=3.11.16-slim-bookworm

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# All that is locked, each file checked against its hash. What is installed below can come from this folder only, so it
# has the locked versions, and no more of them than it needs: the lock is one, for users and for developers.
COPY requirements.lock ./
RUN pip download --require-hashes --no-deps --only-binary=:all: --dest /wheels --requirement requirements.lock
COPY . ./
RUN pip wheel --no-index --find-links=/wheels --no-deps --wheel-dir=/wheels .
# Compiled now, because the file system is read-only later; but of the Kubernetes client, which would be half of the image,
# only what a worker loads.
# hadolint ignore=DL3013
RUN python -m venv --without-pip /opt/berth \
 && pip --python /opt/berth/bin/python install --no-index --find-links=/wheels --no-compile berth \
 && /opt/berth/bin/python -m compileall -q -x /kubernetes/ /opt/berth/lib \
 && /opt/berth/bin/python -c "import workers.worker"

FROM build AS build-lab
# What the simulated switches need of the extra `lab`. Its other part, a Temporal, is not needed beside a real one.
# hadolint ignore=DL3013
RUN pip --python /opt/berth/bin/python install --no-index --find-links=/wheels --compile asyncssh

FROM python:${PYTHON} AS base
LABEL org.opencontainers.image.title="berth" org.opencontainers.image.licenses="Apache-2.0"
# A volume that is mounted here for the first time belongs to the user below, too.
RUN install --directory --owner=10001 --group=10001 --mode=0750 /etc/berth
ENV PATH=/opt/berth/bin:$PATH PYTHONUNBUFFERED=1 HOME=/tmp
WORKDIR /
USER 10001:10001
ENTRYPOINT ["berth"]

FROM base AS lab
COPY --from=build-lab /opt/berth /opt/berth
ENV BERTH_HOME=/etc/berth
EXPOSE 6443
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 CMD ["test", "-s", "/tmp/lab.ready"]
CMD ["lab", "platform", "--listen", "0.0.0.0", "--kubernetes-port", "6443", "--ready-file", "/tmp/lab.ready"]

FROM base AS worker
COPY --from=build /opt/berth /opt/berth
ENV BERTH_PLATFORM=/etc/berth/platform.yaml \
    BERTH_KNOWN_HOSTS=/etc/berth/known_hosts \
    BERTH_HEALTH_ADDRESS=0.0.0.0:8080 \
    BERTH_METRICS_ADDRESS=0.0.0.0:9464 \
    BERTH_LOG_FORMAT=json
EXPOSE 8080 9464
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 CMD ["berth", "health"]
CMD ["worker"]
