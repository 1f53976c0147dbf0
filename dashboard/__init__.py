__version__ = "0.2.0"

# Celery's app is loaded with Django: otherwise tasks enqueued by a web process would go to Celery's default broker.
from dashboard.celery import app as celery_app

__all__ = ["__version__", "celery_app"]
