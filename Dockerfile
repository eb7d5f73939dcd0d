# One image for every part: `collect`, `worker`, `poll`, `api`, or `up` for everything in one process.
# README.md has the command ("Run it for real on one box").
FROM python:3.12.13-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/trackrev
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY trackrev_stream trackrev_stream
COPY collectors collectors
COPY tables tables
# Wheels only: the image has no compiler, and what is installed is what was published.
RUN /opt/trackrev/bin/pip install --no-cache-dir --disable-pip-version-check \
    --only-binary :all: --constraint constraints.txt .

FROM python:3.12.13-slim-bookworm
LABEL org.opencontainers.image.title="trackrev-stream" \
      org.opencontainers.image.licenses="Apache-2.0"
# A fixed number, so that volumes have the same owner from one image to the next.
RUN useradd --uid 10001 --create-home --home-dir /var/lib/trackrev --shell /usr/sbin/nologin trackrev
COPY --from=build /opt/trackrev /opt/trackrev
ENV PATH=/opt/trackrev/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TRACKREV_DATA=/var/lib/trackrev \
    TRACKREV_HOST=0.0.0.0
USER 10001:10001
WORKDIR /var/lib/trackrev
EXPOSE 8765
# Every role serves /metrics on its admin port; it answers once the role has started.
HEALTHCHECK --interval=15s --timeout=5s --start-period=2m --retries=4 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('TRACKREV_ADMIN_PORT', '8766') + '/metrics', timeout=4)"]
ENTRYPOINT ["trackrev"]
CMD ["up"]
