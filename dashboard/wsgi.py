"""The WSGI application for the web server."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
os.environ.setdefault("DATABASE_STATEMENT_SECONDS", "30")
application = get_wsgi_application()

# Objects loaded by now live as long as the process; a garbage collection that scans them delays a request by 25 ms.
gc.collect()
gc.freeze()
