# The image of stash-admission. BASE is any image with Python 3.11 or newer as `python3`; pin it by digest for production:
#   docker build --build-arg BASE=python:3.13-slim@sha256:... -t stash-admission:0.1.0 .
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
# requirements-traces.txt: with what `--traces` needs.
ARG REQUIREMENTS=requirements.txt
WORKDIR /src
COPY ${REQUIREMENTS} ./
RUN python3 -m venv /opt/stash-admission \
 && /opt/stash-admission/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r ${REQUIREMENTS}
COPY pyproject.toml README.md ./
COPY app app
COPY certs certs
COPY schemas schemas
RUN /opt/stash-admission/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation . \
 && /opt/stash-admission/bin/python -m compileall -q /opt/stash-admission/lib

FROM ${BASE}
COPY --from=build /opt/stash-admission /opt/stash-admission
ENV PATH=/opt/stash-admission/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
CMD ["stash-admission", "serve"]
