# Liaison's daemon and command line. The RUN lines of the first stage are run by the tests, outside
# a container, on every change.

FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements.lock ./
RUN python3 -m venv /opt/liaison
RUN /opt/liaison/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY gateway ./gateway
COPY keys ./keys
RUN /opt/liaison/bin/pip install --no-cache-dir --no-deps .

FROM python:3.12-slim
COPY --from=build /opt/liaison /opt/liaison
COPY config/compose/node /usr/local/bin/liaison-node
RUN useradd --uid 10001 --create-home --home-dir /var/lib/liaison liaison && install -d -o liaison /shared
ENV PATH=/opt/liaison/bin:$PATH PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2
USER liaison
WORKDIR /var/lib/liaison
VOLUME /var/lib/liaison
EXPOSE 8470
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --start-period=30s CMD ["liaison", "status", "--dir", "/var/lib/liaison/node"]
ENTRYPOINT ["liaison"]
CMD ["serve", "--dir", "/var/lib/liaison/node"]
