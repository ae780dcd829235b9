# Two stages: the first builds a virtual environment from hash-locked wheels, the second runs it and holds nothing else.
# The base is named by tag so that security fixes of the day arrive with every build. Whoever releases images should
# name it by digest (`docker buildx imagetools inspect python:3.11-slim-bookworm` prints it) and raise it on purpose.
FROM python:3.11-slim-bookworm AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

# Wheels only: nothing of a dependency runs while it is installed, and no compiler is needed.
COPY requirements.lock ./
RUN python -m venv --without-pip /opt/leadsync \
    && pip --python /opt/leadsync/bin/python install --no-deps --require-hashes --only-binary :all: -r requirements.lock

# The build backend is locked too; it stays behind in this stage.
COPY requirements-dev.lock ./
RUN sed -n '/^\(hatchling\|packaging\|pathspec\|pluggy\|tomlkit\|trove-classifiers\)==/,/# via/p' requirements-dev.lock > build.lock \
    && pip install --no-deps --require-hashes --only-binary :all: -r build.lock

COPY pyproject.toml README.md LICENSE ./
COPY leadsync ./leadsync
RUN python -m hatchling build -t wheel -d dist \
    && pip --python /opt/leadsync/bin/python install --no-deps --no-index dist/*.whl \
    && /opt/leadsync/bin/leadsync --version


FROM python:3.11-slim-bookworm

# The numeric user owns the ledger and nothing else; the root file system may be read-only.
RUN groupadd --gid 10001 leadsync \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/leadsync --shell /usr/sbin/nologin leadsync \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/leadsync

COPY --from=build /opt/leadsync /opt/leadsync

ENV PATH=/opt/leadsync/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    TMPDIR=/var/lib/leadsync \
    LEADSYNC_CONFIG=/etc/leadsync/config/leadsync.yaml \
    LEADSYNC_MAPPINGS=/etc/leadsync/mappings

# Large reports are sorted on the volume: a million people need hundreds of megabytes for a moment.
# A relative `ledger: location:`, such as the sample's data/leadsync.db, lies on the volume.
WORKDIR /var/lib/leadsync
VOLUME /var/lib/leadsync
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM

# Asked with http.client, which knows no proxies; 8080 is the port of `web:` in config. Loading a large org for the
# first time takes a while, and until its first cycle has finished leadsync is not ready.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30m --retries=3 \
    CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8080, timeout=4); c.request('GET', '/readyz'); sys.exit(c.getresponse().status != 200)"]

ENTRYPOINT ["leadsync"]
CMD ["run"]
