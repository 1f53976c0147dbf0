"""The ASGI application for the web server: bodies are read before a thread is taken, then Django answers in it."""

import gc
import os
import sys

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from dashboard.http import open_files
from dashboard.http.subpath import without_subpath

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
os.environ.setdefault("DATABASE_STATEMENT_SECONDS", "30")
os.environ.setdefault("BROKER_SECONDS", "1")
_django = without_subpath(get_wsgi_application(), settings.SUBPATH)

from dashboard.http.request_body import BodyReader  # noqa: E402  Django has to be set up
from dashboard.http.wsgi_threads import WsgiThreads  # noqa: E402

# While all threads work, the one that receives and refuses requests waits for its turn as long as all of them take.
sys.setswitchinterval(0.0005)
open_files.allow_many()
application = WsgiThreads(_django, BodyReader())

# Objects loaded by now live as long as the process; a garbage collection that scans them delays a request by 25 ms.
gc.collect()
gc.freeze()
