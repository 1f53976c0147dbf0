FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    MALLOC_MMAP_THRESHOLD_=1048576 \
    HOST=0.0.0.0 \
    PORT=8000 \
    DUBROOM_DATA_DIR=/data \
    STATIC_ROOT=/app/collected \
    DEMO=0

WORKDIR /app
COPY requirements*.txt ./
# Such as "s3 sentry": what requirements-s3.txt and requirements-sentry.txt add.
ARG EXTRA_REQUIREMENTS=
RUN pip install --no-cache-dir --disable-pip-version-check --compile -r requirements.txt \
    $(for name in $EXTRA_REQUIREMENTS; do echo "-r requirements-$name.txt"; done)
COPY . .

# Collecting static files needs Django's secrets: they are generated in a temporary folder, and not kept in the image.
RUN python -m compileall -q dashboard results teams demo \
    && DUBROOM_DATA_DIR=/tmp/build python manage.py collectstatic --noinput --verbosity 0 \
    && rm -rf /tmp/build \
    && useradd --system --uid 10001 --no-create-home dubroom \
    && install -d -o dubroom -m 0700 /data \
    && chown -R dubroom /app/collected

USER dubroom
VOLUME /data
EXPOSE 8000

HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/', timeout=4)"]

# Runs everything in one container, as `make run` does; docker-compose.yml runs each process in its own container.
CMD ["python", "manage.py", "start"]
