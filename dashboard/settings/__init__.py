"""Django's settings, read from the environment or from a `.env` file beside `manage.py`.

Every default is safe for one person on one laptop. The table in README.md lists the same names.
"""

from dashboard.settings.accounts import *
from dashboard.settings.environment import *
from dashboard.settings.monitoring import *
from dashboard.settings.storage import *
from dashboard.settings.web import *
from dashboard.settings.workers import *
