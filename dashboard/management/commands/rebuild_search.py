"""How is the search index made anew, after it was damaged or its analyzer has changed?"""

import time
from typing import Any

from django.core.management.base import BaseCommand

from results.models import Cue
from results.search import indexing


class Command(BaseCommand):
    help = "Make the search index anew from the stored lines, while others search and save."

    def handle(self, **_: Any) -> None:
        total, started = Cue.objects.count(), time.monotonic()
        # A terminal sees one line that counts; a log gets a line now and then.
        is_terminal, said_at = self.stdout.isatty(), started

        def progress(done: int) -> None:
            nonlocal said_at
            now = time.monotonic()
            if is_terminal or now - said_at >= 10:
                said_at = now
                left = (now - started) / done * max(total - done, 0)
                line = f"{done:,} of {max(total, done):,} lines, about {left:,.0f} s left"
                self.stdout.write(f"\r{line:<60}" if is_terminal else line, ending="" if is_terminal else None)

        indexing.rebuild(progress)
        lines = Cue.objects.count()
        self.stdout.write(f"{chr(13) if is_terminal else ''}{lines:,} lines are in the index.".ljust(60).rstrip())
