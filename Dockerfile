# The image: built with everything, run with nothing but node and us. No shell, no package manager, no root.
#
#   docker build -t pinwarden .
#
# Bases are named by tag, not by digest: a digest in a source tree is right on the day it is written and keeps security
# fixes out on every day after. Whoever builds pins them, and the build's record keeps what was used:
#
#   docker buildx imagetools inspect node:26-bookworm-slim --format '{{.Manifest.Digest}}'
#   docker build --build-arg NODE_IMAGE=node:26-bookworm-slim@sha256:… --build-arg RUNTIME_IMAGE=…@sha256:… .
ARG NODE_IMAGE=node:26-bookworm-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs26-debian13:nonroot

# What runs: the packages of the lock file alone, without node itself, which the runtime image brings.
FROM ${NODE_IMAGE} AS packages
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN ["npm", "ci", "--omit=dev", "--omit=optional"]

# The compiler is an optional dependency of its own package, so nothing is omitted here.
FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN ["npm", "ci"]
COPY tsconfig.json ./
COPY src src
RUN ["npm", "run", "build"]
RUN ["mkdir", "-m", "0700", "/state"]

FROM ${RUNTIME_IMAGE} AS image
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="pinwarden" \
  org.opencontainers.image.description="Egress forward proxy that detects machines in the middle" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.source="${SOURCE}" \
  org.opencontainers.image.base.name="gcr.io/distroless/nodejs26-debian13:nonroot"
WORKDIR /app
# Root's files, so that the user who runs them cannot change them even where the root is not mounted read-only.
COPY --from=packages --chown=0:0 /build/node_modules node_modules
COPY --from=build --chown=0:0 /build/dist dist
COPY --chown=0:0 package.json LICENSE ./
COPY --chown=0:0 config config
# `ca.create: never` is in it: a CA comes from outside and is never in a layer.
COPY --chown=0:0 docker/image /etc/pinwarden
COPY --chown=0:0 config/policies /etc/pinwarden/policies
# A new volume takes over the owner of what it covers.
COPY --from=build --chown=65532:65532 /state /var/lib/pinwarden
VOLUME ["/var/lib/pinwarden"]
# The base sets it, the proxy ignores it (`anchors:` says what is trusted) and would say so at every start.
ENV SSL_CERT_FILE=""
USER 65532:65532
EXPOSE 3128 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["/nodejs/bin/node", "/app/dist/main.js", "healthcheck"]
# The inspector must not be opened by a signal in a process that holds a CA key.
ENTRYPOINT ["/nodejs/bin/node", "--disable-sigusr1", "/app/dist/main.js"]
CMD ["run", "-c", "/etc/pinwarden/pinwarden.yaml"]

# The supporting cast of docker/compose.yaml, by type stripping.
FROM image AS demo
COPY --chown=0:0 src src
COPY --chown=0:0 docker/demo docker/demo
COPY --from=build --chown=65532:65532 /state /stage/proxy
COPY --from=build --chown=65532:65532 /state /stage/upstreams
COPY --from=build --chown=65532:65532 /state /stage/clients
HEALTHCHECK NONE
ENTRYPOINT ["/nodejs/bin/node"]
CMD ["docker/demo/stage.ts", "/stage"]

# The last stage is what a build makes unless another one is named.
FROM image AS pinwarden
