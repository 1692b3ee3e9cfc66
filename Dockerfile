# Hobnail in a container. Build: docker build -t hobnail .   Run: docker compose up -d
#
# Any Debian-like base with Node 24 and npm serves as BASE_IMAGE; the default is the official one.
ARG BASE_IMAGE=node:24-bookworm-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Native packages carry their builds with them; without --ignore-scripts they would be compiled anew.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.mjs scripts/
COPY src src
# The base brings Node itself; the packages that carry one are for machines with an older one.
RUN npm run build \
 && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
 && rm -rf node_modules/node-linux-* node_modules/.bin/node

FROM ${BASE_IMAGE}
# File capabilities, because an engine takes ambient ones away from a user who is not root: ports 67 and 69 for
# net_bind_service, answers to machines without an address yet for net_raw. Both have to be in the container's bounding
# set (they are in Docker's default; Podman wants --cap-add=NET_RAW), and no-new-privileges has to be off.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libcap2-bin \
 && setcap cap_net_bind_service,cap_net_raw+ep "$(readlink -f "$(command -v node)")" \
 && apt-get purge -y --auto-remove libcap2-bin \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
 && groupadd --system --gid 10067 hobnail \
 && useradd --system --uid 10067 --gid 10067 --home-dir /srv/hobnail --shell /usr/sbin/nologin hobnail
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY boot-images boot-images
COPY packaging/health.mjs packaging/
COPY LICENSE ./

# The operator's files stand apart from the program; each of the four is a volume.
WORKDIR /srv/hobnail
COPY --chown=hobnail:hobnail profiles profiles
COPY --chown=hobnail:hobnail templates templates
RUN install -d -o hobnail -g hobnail -m 0755 . boot-images && install -d -o hobnail -g hobnail -m 0750 data \
 && ln -s /app/dist/cli.js /usr/local/bin/hobnail
VOLUME ["/srv/hobnail/profiles", "/srv/hobnail/templates", "/srv/hobnail/boot-images", "/srv/hobnail/data"]

USER hobnail
ENV NODE_ENV=production
EXPOSE 67/udp 69/udp 4011/udp 8080/tcp
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["node", "/app/packaging/health.mjs"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/app/dist/cli.js"]
CMD ["serve"]
