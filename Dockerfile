# The image: an interpreter, what the server needs, and nothing else. No shell, no package manager; docs/install/image.md says more.
# BASE is where interpreter and C library come from: any image with glibc and Python 3.11 or newer as `python3`.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
# requirements-traces.txt: with what `--traces` needs.
ARG REQUIREMENTS=requirements.txt
WORKDIR /src
COPY ${REQUIREMENTS} requirements.lock
RUN python3 -m venv /opt/stash-admission \
 && /opt/stash-admission/bin/pip install --no-cache-dir --no-compile --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY app app
COPY certs certs
COPY kube kube
COPY schemas schemas
RUN /opt/stash-admission/bin/pip install --no-cache-dir --no-compile --disable-pip-version-check --no-deps --no-build-isolation . \
 && /opt/stash-admission/bin/pip check
COPY image image
RUN /opt/stash-admission/bin/python -m image.rootfs /rootfs

FROM scratch
COPY --from=build /rootfs /
ENV PATH=/opt/stash-admission/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
CMD ["stash-admission", "serve"]
