"""Collects the irregularities of one run's answer, as sentences for people."""

from collections import Counter

MAX_HINTS = 20


class Hints:
    """Each sentence once, with a count for those about lines."""

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}  # a set that keeps its order
        self._lines: Counter[str] = Counter()

    def add(self, sentence: str) -> None:
        self._sentences[sentence] = None

    def count_line(self, problem: str) -> None:
        self._lines[problem] += 1

    def sentences(self) -> tuple[str, ...]:
        """Return the sentences in the order in which they were added, then the counts; at most MAX_HINTS in all."""
        counted = [f"{problem}: {n} {'line' if n == 1 else 'lines'}." for problem, n in self._lines.items()]
        return tuple([*self._sentences, *counted][:MAX_HINTS])
