#!/usr/bin/env python
"""Runs Dubroom's management commands from a shell."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # The operator can fix a wrong setting, and needs a sentence for that, not a traceback.
        sys.exit(f"Dubroom cannot start: {error}")
    except OperationalError as error:
        sys.exit(f"The database cannot be used: {' '.join(str(error).split())}")


if __name__ == "__main__":
    main()
