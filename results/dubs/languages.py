"""Decides the language of each dub, and reads from its text which language it is in.

A dub's language comes from the strongest source that names one: a person, CAMB.AI's key, the list that came with
the run, and a guess from the text. What each of them says is stored by itself, so a refresh undoes no one's word.

A dub whose text or sources changed is marked as not checked. A worker then reads its text, decides anew, and notes
lines that are in another language than the dub.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count, F, Q

from results import clock, queue
from results.db import chunks
from results.models import Dub, LanguageSource, Run, RunQuerySet, TeamVersion
from results.queue.backlogs import Quarantine
from results.search import indexing
from results.transcripts import language_guess
from teams import audit
from teams.models import Team

# The dubs that one task checks; the task enqueues itself until none is left.
DUBS_PER_TASK = 100
# While runs are due, refreshing them comes first: one task reads only so many, and the next comes with beat's tick.
DUBS_WHILE_BUSY = 10
# Changes of more runs at once cannot be undone, as what was there before has to be kept for that.
MAX_UNDO = 5000
_RUNS_PER_QUERY = 500
_quarantine = Quarantine("The language of dub %s could not be decided")


class LanguagesBefore(NamedTuple):
    """What had been said about languages before a change, so that the change can be undone."""

    dubs: list[tuple[int, str]]
    """The pk of each dub with its `person_language`."""
    runs: list[tuple[int, str, bool]]
    """The pk of each run with its `given_language` and `is_language_of_person`."""


def decide(dub: Dub, run: Run, *, is_only: bool) -> tuple[str, str]:
    """Return the dub's language tag and its LanguageSource; both are empty if nothing names a language.

    `is_only` says that the run has no other dub. What was given for the whole run is meant for such a dub.
    """
    given = run.given_language if is_only else ""
    said = (
        (dub.person_language, LanguageSource.PERSON),
        (given if run.is_language_of_person else "", LanguageSource.PERSON),
        (dub.camb_key, LanguageSource.CAMB),
        (given, LanguageSource.SHEET),
        (dub.text_language, LanguageSource.GUESS),
    )
    return next(((tag, str(source)) for tag, source in said if tag), ("", ""))


def summarise(run: Run, dubs: Iterable[Dub]) -> None:
    """Set the fields in which the run repeats the languages of its dubs; the caller saves the run."""
    dubs = list(dubs)
    run.languages = [dub.language for dub in dubs]
    run.guessed_languages = [dub.language for dub in dubs if dub.is_guess] or None
    run.language_mismatches = [list(check) for dub in dubs for check in language_mismatches(dub)] or None


def language_mismatches(dub: Dub) -> Iterator[tuple[str, str, int]]:
    """Yield (the dub's tag, the tag that its text is in, number of such lines; 0 if it is the whole text)."""
    lines = Counter[str]()
    for first, last, tag in dub.foreign_lines or ():
        lines[tag] += last - first + 1
    for tag, count in lines.items():
        yield dub.language, tag, 0 if count == dub.cue_count else count


# --- What people and lists say -----------------------------------------------------------------------


def set_language(run: Run, dub: Dub | None, tag: str) -> LanguagesBefore:
    """Set the language of this dub of the run for a person, at once; without a dub, of the one to come.

    An empty tag leaves the language to the other sources again. Returns what was said before.
    """
    with transaction.atomic():
        locked = Run.objects.select_for_update().filter(pk=run.pk).first()
        if locked is None:
            return LanguagesBefore([], [])
        words = LanguagesBefore(
            [(dub.pk, dub.person_language)] if dub else [],
            [(run.pk, locked.given_language, locked.is_language_of_person)],
        )
        if dub is None or (not tag and locked.is_language_of_person):
            Run.objects.filter(pk=run.pk).update(
                given_language=tag, is_language_of_person=bool(tag), version=TeamVersion.bump(run.team_id)
            )
        if dub:
            Dub.objects.filter(pk=dub.pk).update(person_language=tag, is_language_detected=False)
        chunks.record_runs(run.team_id, audit.Action.RUNS_EDITED, [run.pk], f"language: {tag}")
        decide_anew([run.pk])
    return words


def set_languages(team: Team, runs: RunQuerySet, tag: str) -> tuple[LanguagesBefore | None, int]:
    """Set the language of these runs' dubs for a person; return what was said before, and how many are left out.

    Left out are runs with several dubs, which are not all in one language. A run without a dub keeps the language
    for the dub to come. A worker decides the languages anew, however many runs there are. The words before are None
    if they are too many to be kept.
    """
    counted = Run.objects.filter(team=team, pk__in=runs.order_by().values("pk")).annotate(dub_count=Count("dubs"))
    with transaction.atomic():
        # Storing answers locks runs by pk, their dubs, and then the team's version, and so does this.
        changed = Run.objects.filter(team=team, pk__in=counted.filter(dub_count__lte=1).values("pk"))
        changed.select_for_update().order_by("pk").pks()
        empty = Run.objects.filter(pk__in=counted.filter(dub_count=0).values("pk"))
        # Named before their dub came: what is said of the dub now replaces that.
        named = Run.objects.filter(
            pk__in=counted.filter(dub_count=1, is_language_of_person=True).values("pk"), is_language_of_person=True
        )
        dubs = Dub.objects.filter(run__in=counted.filter(dub_count=1).values("pk"))
        words = LanguagesBefore(
            list(dubs.values_list("pk", "person_language")[: MAX_UNDO + 1]),
            [
                word
                for runs in (empty, named)
                for word in runs.values_list("pk", "given_language", "is_language_of_person")[: MAX_UNDO + 1]
            ],
        )
        left_out = counted.filter(dub_count__gt=1).count()
        named.update(given_language="", is_language_of_person=False)
        empty.update(given_language=tag, is_language_of_person=bool(tag))
        dubs.update(person_language=tag, is_language_detected=False)
        if count := counted.count() - left_out:
            audit.record(team, audit.Action.RUNS_EDITED, f"language: {tag}", count=count)
        empty.update(version=TeamVersion.bump(team.pk))
        queue.enqueue("detect_languages")
    return (words if len(words.dubs) + len(words.runs) <= MAX_UNDO else None), left_out


def confirm_guesses(team: Team, runs: RunQuerySet) -> tuple[LanguagesBefore | None, int]:
    """Make the guessed languages of these runs a person's word; return what was said before, and the number."""
    with transaction.atomic():
        guesses = Dub.objects.filter(
            team=team, run__in=runs.order_by().values("pk"), language_source=LanguageSource.GUESS
        )
        words = LanguagesBefore(list(guesses.values_list("pk", "person_language")), [])
        # Storing answers locks runs by pk, their dubs, and then the team's version, and so does this.
        guessed = Run.objects.filter(team=team, pk__in=runs.order_by().values("pk"))
        pks = guessed.exclude(guessed_languages=None).select_for_update().order_by("pk").pks()
        guesses.update(person_language=F("language"), language_source=LanguageSource.PERSON)
        if pks:
            audit.record(team, audit.Action.RUNS_EDITED, "guessed languages confirmed", count=len(pks))
        version = TeamVersion.bump(team.pk)
        parts = (pks[start : start + _RUNS_PER_QUERY] for start in range(0, len(pks), _RUNS_PER_QUERY))
        for chunk in parts:
            Run.objects.filter(pk__in=chunk).update(guessed_languages=None, version=version)
    return (words if len(words.dubs) <= MAX_UNDO else None), len(words.dubs)


def restore(team: Team, words: LanguagesBefore) -> None:
    """Put back what was said before a change; a worker decides the languages anew."""
    with transaction.atomic():
        # Storing answers locks runs by pk, and then their dubs.
        of_dubs = Dub.objects.filter(team=team, pk__in=[pk for pk, _ in words.dubs]).values("run")
        named = Q(pk__in=[pk for pk, *_ in words.runs]) | Q(pk__in=of_dubs)
        Run.objects.filter(named, team=team).select_for_update().order_by("pk").pks()
        for said in {said for _, said in words.dubs}:
            pks = [pk for pk, earlier in words.dubs if earlier == said]
            Dub.objects.filter(team=team, pk__in=pks).update(person_language=said, is_language_detected=False)
        for given in {(tag, is_of_person) for _, tag, is_of_person in words.runs}:
            pks = [pk for pk, *earlier in words.runs if tuple(earlier) == given]
            runs = Run.objects.filter(team=team, pk__in=pks)
            runs.update(given_language=given[0], is_language_of_person=given[1])
            Dub.objects.filter(run__in=runs).update(is_language_detected=False)
        count = len(words.dubs) + len(words.runs)
        audit.record(team, audit.Action.RUNS_EDITED, "languages as before", count=count)
        queue.enqueue("detect_languages")


def apply_given(team: Team, run_pks: Sequence[int]) -> None:
    """Have a worker decide anew about the dubs of runs that got a `given_language` from a list."""
    Dub.objects.filter(team=team, run__in=run_pks).update(is_language_detected=False)
    queue.enqueue("detect_languages")


# --- What the text says ------------------------------------------------------------------------------


def undetected(team: Team | None = None) -> int:
    """Return how many dubs a worker still has to read, of this team or of all."""
    dubs = Dub.objects.filter(is_language_detected=False, run__archived_at=None)
    return (dubs.filter(team=team) if team else dubs).count()


def backlog(team: Team) -> int:
    """Return how many of the team's dubs are still to be read; 0 while one task reads them all within seconds."""
    waiting = undetected(team)
    return waiting if waiting > DUBS_PER_TASK else 0


def detect_languages() -> None:
    """Detect the language of dubs whose text no worker has read, newest first, and decide their language anew."""
    # Runs that wait for a key, or for one that is paused, keep no worker busy.
    is_busy = Run.objects.askable(clock.now()).exists()
    most = DUBS_WHILE_BUSY if is_busy else DUBS_PER_TASK
    dubs = Dub.objects.filter(is_language_detected=False, run__archived_at=None).exclude(pk__in=_quarantine.pks())
    found = list(dubs.order_by("-pk").select_related("run").annotate(dub_count=Count("run__dubs"))[:most])
    for dub in found:
        with _quarantine.isolated(dub.pk):
            _detect(dub)
    if len(found) == most and not is_busy:
        queue.enqueue("detect_languages")


def _detect(dub: Dub) -> None:
    texts = list(dub.cues.order_by("position").values_list("text", flat=True))
    dub.text_language = language_guess.guess_language(texts)
    tag, source = decide(dub, dub.run, is_only=dub.dub_count == 1)  # type: ignore[attr-defined]
    foreign = []
    if other := language_guess.reads_otherwise(tag, texts) if source != LanguageSource.GUESS else "":
        foreign = [(1, len(texts), other)]
    elif tag:
        foreign = language_guess.foreign_stretches(tag, texts)
    with transaction.atomic():
        # A dub that got other lines or words meanwhile is left for the next time.
        same = Dub.objects.filter(
            pk=dub.pk,
            cues_hash=dub.cues_hash,
            camb_language=dub.camb_language,
            person_language=dub.person_language,
        )
        run = Run.objects.select_for_update().filter(pk=dub.run_id).first()
        if run is not None and same.update(
            is_language_detected=True,
            text_language=dub.text_language,
            foreign_lines=foreign or None,
            has_current_checks=False,
        ):
            decide_anew([run.pk])
            # A list named the run meanwhile: its lines are read again against that language.
            renamed = Dub.objects.filter(pk=dub.pk).exclude(language=tag)
            renamed.update(is_language_detected=False, foreign_lines=None)


def decide_anew(run_pks: Sequence[int]) -> None:
    """Decide the language of each dub of these runs; the caller holds the runs locked, in a transaction."""
    for run in Run.objects.filter(pk__in=run_pks).order_by("pk"):
        dubs = list(run.dubs.order_by("pk"))
        before = (run.languages, run.guessed_languages, run.language_mismatches)
        for dub in dubs:
            _change_language(dub, *decide(dub, run, is_only=len(dubs) == 1))
        summarise(run, dubs)
        if before != (run.languages, run.guessed_languages, run.language_mismatches):
            run.version = TeamVersion.bump(run.team_id)
            run.save(update_fields=["languages", "guessed_languages", "language_mismatches", "version"])


def _change_language(dub: Dub, tag: str, source: str) -> None:
    if (tag, source) == (dub.language, dub.language_source):
        return
    # Of a row of an older release, the language is the only trace of CAMB.AI's key.
    Dub.objects.filter(pk=dub.pk).update(language_source=source, camb_language=dub.camb_key)
    if tag != dub.language:
        # Saved searches may find the lines by their language now.
        Dub.objects.filter(pk=dub.pk).update(is_alert_checked=False)
        with indexing.changing(dub.cues.all()):
            Dub.objects.filter(pk=dub.pk).update(language=tag, has_current_checks=False)
        if not dub.is_language_detected:
            # They were foreign to the language before.
            Dub.objects.filter(pk=dub.pk).update(foreign_lines=None)
            dub.foreign_lines = None
    dub.language, dub.language_source = tag, source
