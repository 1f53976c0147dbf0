"""How does a web server reach Dubroom?"""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
os.environ.setdefault("DATABASE_STATEMENT_SECONDS", "30")
application = get_wsgi_application()

# What is loaded by now stays: looking through all of it for garbage would hold up a request for 25 ms.
gc.collect()
gc.freeze()
