#!/usr/bin/env python
"""How is Dubroom run from a shell?"""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A wrong setting is the operator's to mend: a sentence serves them, a traceback does not.
        sys.exit(f"Dubroom cannot start: {error}")


if __name__ == "__main__":
    main()
