"""The Celery application of workers and beat."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
os.environ.setdefault("DATABASE_STATEMENT_SECONDS", "30")

TRANSPORT_ALIASES["folder"] = "dashboard.embedded.broker:Transport"

app = Celery("dubroom", task_cls="dashboard.worker:DubroomTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["results"])
