# Both images: `docker build --target server .` and `docker build --target operator .`, or `make images`.
#
# Each is made in full on the way and copied into an empty one at the end. So it has one layer for the system and one
# for the programs, and what is taken out (pip, parts of packages that nothing uses) is in neither.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS base

FROM base AS tools
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore
RUN apt-get -qq update && apt-get -qq install --yes --no-install-recommends binutils > /dev/null
COPY requirements/image-build.txt /build/requirements.txt
RUN python -m pip install --quiet --require-hashes --no-deps -r /build/requirements.txt

FROM tools AS wheel
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY crds crds
COPY kubectl_scim kubectl_scim
COPY operator operator
COPY scim_server scim_server
RUN python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheels .

FROM tools AS server-files
RUN python -m venv --without-pip /app
COPY requirements/image-server.txt /build/requirements.txt
RUN python -m pip --python /app/bin/python install --quiet --require-hashes --no-deps -r /build/requirements.txt
COPY --from=wheel /wheels /wheels
RUN python -m pip --python /app/bin/python install --quiet --no-index --no-deps /wheels/*.whl
COPY tools/trim-image /build/trim-image
RUN /build/trim-image /app && /app/bin/scim-server --version

FROM tools AS operator-files
RUN python -m venv --without-pip /app
COPY requirements/image-operator.txt /build/requirements.txt
RUN python -m pip --python /app/bin/python install --quiet --require-hashes --no-deps -r /build/requirements.txt
COPY --from=wheel /wheels /wheels
RUN python -m pip --python /app/bin/python install --quiet --no-index --no-deps /wheels/*.whl
COPY tools/trim-image /build/trim-image
RUN /build/trim-image /app && /app/bin/scim-operator run --help > /dev/null

FROM tools AS system-files
COPY --from=base / /system
COPY tools/trim-image /build/trim-image
RUN /build/trim-image /system

FROM scratch AS system
COPY --from=system-files /system /
ENV PATH=/app/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532

FROM system AS server
COPY --from=server-files /app /app
EXPOSE 8080 8081
ENTRYPOINT ["scim-server"]
ARG VERSION=0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="scim-server" \
      org.opencontainers.image.description="SCIM 2.0 server that scim-operator configures" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM system AS operator
COPY --from=operator-files /app /app
ENTRYPOINT ["scim-operator"]
CMD ["run"]
ARG VERSION=0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="scim-operator" \
      org.opencontainers.image.description="Kubernetes operator for SCIM 2.0 provisioning" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
