"""Made runs: originals with dubs in several languages, and runs that only look like dubs of one original."""

import random
from collections.abc import Iterator
from itertools import count

from django.utils import timezone

from results.models import Cue, Dub, Run
from teams.models import Team

# How people write a language into a title.
SUFFIXES = (
    " (Spanish)", "_es", " [ES-419]", " - Deutsch", " 日本語版", " (Brazilian Portuguese)", " - Français (Canada)",
    ".it", " PL", " en español", ", version française", " हिन्दी", " (العربية)", " – Русский", " 한국어", "",
    " dubbed in Dutch", " zh-Hant-TW", " | Türkçe", " (Svenska)", " ภาษาไทย", " English dub", " [uk]", " 中文版",
)  # fmt: skip
SERIES = ("Between the Tides", "Harbour Lights", "Kyoto Kitchen", "Museum tour: The bronze room", "Night Shift",
          "Red Bicycle", "Lumen desk lamp", "Pottery class", "The Violin Maker", "Monsoon Garden")  # fmt: skip
PARTS = ("episode {}", "S0{}E04", "part {}", "Trailer {}", "lesson {}", "chapter {}")

_camb_ids = count(5_000_000)


def starts_of_original(chance: random.Random, length_ms: int) -> list[int]:
    """Return when the lines of a made original start, with pauses as people make them."""
    starts, at = [], chance.randint(200, 4000)
    while at < length_ms - 1500:
        starts.append(at)
        at += round(min(chance.lognormvariate(7.9, 0.5), 20_000)) + 400
    return starts


def jittered(chance: random.Random, starts: list[int]) -> list[int]:
    """Return the starts in a dub: each a little off, now and then two lines in one."""
    kept = [start for place, start in enumerate(starts) if not place or chance.random() > 0.06]
    return sorted(max(0, start + round(chance.gauss(0, 130))) for start in kept)


def make_run_of(team: Team, title: str, starts: list[int], length_ms: int) -> Run:
    """Make a ready run with this title and one dub whose lines start at these times."""
    run = Run.objects.create(
        team=team, camb_run_id=next(_camb_ids), title=title, status=Run.Status.READY, due_at=None,
        duration_ms=length_ms, cue_count=len(starts),
    )  # fmt: skip
    dub = Dub.objects.create(
        team=team, run=run, media_fetched_at=timezone.now(), cue_count=len(starts), duration_ms=length_ms
    )
    Cue.objects.bulk_create(
        Cue(team=team, run=run, dub=dub, position=place, start_ms=start, end_ms=start + 1200, text="la")
        for place, start in enumerate(starts, start=1)
    )
    return run


def make_groups(team: Team, chance: random.Random, total: int) -> Iterator[list[Run]]:
    """Yield groups of runs that are dubs of one original, each in two to eight languages, in all `total` runs."""
    for number in count(1):
        if total < 2:
            return
        size = min(chance.randint(2, 8), total) if total > 3 else total
        size = size if total - size != 1 else size - 1
        total -= size
        name = f"{chance.choice(SERIES)}, {chance.choice(PARTS).format(number)}"
        length_ms = chance.randint(25_000, 3_000_000)
        starts = starts_of_original(chance, length_ms)
        yield [
            make_run_of(
                team,
                name + suffix,
                jittered(chance, starts),
                round(length_ms * (1 + chance.uniform(-0.009, 0.009))),
            )
            for suffix in chance.sample(SUFFIXES, size)
        ]


def make_decoys(team: Team, chance: random.Random, total: int) -> list[Run]:
    """Make runs of which no two are of one original, though they share a name, a length, or the times of lines."""
    runs: list[Run] = []
    while len(runs) < total:
        number = 500 + len(runs)
        name, length_ms = f"{chance.choice(SERIES)} {number}", chance.randint(60_000, 2_000_000)
        starts = starts_of_original(chance, length_ms)
        kind = len(runs) // 4 % 4
        for step in range(4):
            title, times, length = f"{name}{chance.choice(SUFFIXES)}", starts, length_ms
            if kind == 0:  # other episodes, seasons or trailers, even with the same times
                title = f"{name}, {PARTS[number % len(PARTS)].format(step + 1)}{chance.choice(SUFFIXES)}"
            elif kind == 1:  # the same name and length, but another film
                times = starts_of_original(chance, length_ms)
            elif kind == 2:  # the same name and beginning, but longer
                length = round(length_ms * 1.04**step)
            else:  # another name
                title = f"{SERIES[step]} {number}{chance.choice(SUFFIXES)}"
            runs.append(make_run_of(team, title, jittered(chance, times), length))
    return runs[:total]
