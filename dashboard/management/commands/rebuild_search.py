"""Rebuilds the search index, after damage or a change of the analyzer."""

import time
from typing import Any

from django.core.management.base import BaseCommand

from results.models import Cue
from results.search import indexing


class Command(BaseCommand):
    help = "Rebuild the search index from the stored lines. Search and updates keep working meanwhile."

    def handle(self, **_: Any) -> None:
        total, started = Cue.objects.count(), time.monotonic()
        # A terminal shows one line that is overwritten; a log gets a line every ten seconds.
        is_terminal, printed_at = self.stdout.isatty(), started

        def progress(done: int) -> None:
            nonlocal printed_at
            now = time.monotonic()
            if is_terminal or now - printed_at >= 10:
                printed_at = now
                left = (now - started) / done * max(total - done, 0)
                line = f"{done:,} of {max(total, done):,} lines, about {left:,.0f} s left"
                self.stdout.write(f"\r{line:<60}" if is_terminal else line, ending="" if is_terminal else None)

        indexing.rebuild(progress)
        lines = Cue.objects.count()
        self.stdout.write(f"{chr(13) if is_terminal else ''}{lines:,} lines are in the index.".ljust(60).rstrip())
