"""Factories of the tests: users, teams, keys, runs, dubs, and answers of CAMB.AI."""

from datetime import datetime
from itertools import count

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.utils import timezone

from results.media import copy_storage, still_files, stills
from results.models import ApiKey, Cue, Dub, MediaCopy, Run, WorkerHeartbeat
from results.runs.source import join_runs
from results.search import indexing, titles
from teams.models import Invitation, Membership, Team, User

_numbers = count(1)


def make_user(email: str = "", **fields) -> User:
    """Make a user with the password `correct horse`."""
    return User.objects.create_user(email or f"user{next(_numbers)}@example.org", "correct horse", **fields)


def make_app(user: User) -> str:
    """Set up an authenticator app as the user's second step, and return its key."""
    key = generate_totp_secret()
    TOTP.activate(user, key)
    return key


def make_team(name: str = "", owner: User | None = None) -> Team:
    """Make a team; without an owner, a new user owns it."""
    return Team.objects.create_for(owner or make_user(), name or f"Team {next(_numbers)}")


def make_member(team: Team, role: str = Membership.Role.MEMBER) -> User:
    """Make a user who is a member of the team, in this role."""
    user = make_user()
    Membership.objects.create(team=team, user=user, role=role)
    return user


def make_worker(seen_at: datetime | None = None) -> WorkerHeartbeat:
    """Make the heartbeat of a worker, as if seen just now."""
    return WorkerHeartbeat.objects.create(name="worker", seen_at=seen_at or timezone.now())


def make_invitation(
    team: Team, email: str = "kim@example.org", role: str = Membership.Role.VIEWER
) -> tuple[Invitation, str]:
    """Make an invitation from the team's first member; return it with its secret token."""
    inviter = team.memberships.earliest("pk").user
    return Invitation.objects.issue(team=team, email=email, role=role, invited_by=inviter)


def make_key(team: Team, secret: str = "demo-key", **fields) -> ApiKey:
    """Make a key of the team that CAMB.AI has accepted."""
    key = ApiKey(team=team, **({"state": ApiKey.State.WORKING} | fields))
    key.secret = secret
    key.save()
    return key


def make_run(team: Team | None = None, **fields) -> Run:
    """Make a run that is due at once; it belongs to a new team unless one is given."""
    fields.setdefault("title_folded", titles.fold(fields.get("title", "")))
    return Run.objects.create(
        team=team or make_team(), camb_run_id=fields.pop("camb_run_id", next(_numbers)), **fields
    )


def make_runs(team: Team, number: int, **fields) -> list[Run]:
    """Make this number of runs, with CAMB.AI ids that are unique in the test."""
    return [make_run(team, **fields) for _ in range(number)]


def make_numbered_runs(team: Team, number: int, **fields) -> list[Run]:
    """Make runs with the CAMB.AI ids 1 to `number`, in one query."""
    return Run.objects.bulk_create(Run(team=team, camb_run_id=run_id, **fields) for run_id in range(1, number + 1))


def make_ready_run(team: Team, **fields) -> Run:
    """Make a finished run, which no refresh requests."""
    return make_run(team, status=Run.Status.READY, due_at=None, **fields)


def make_dub(
    run: Run | None = None, lines: list[str] | tuple[str, ...] = (), language: str = "en-us", **fields
) -> Dub:
    """Make a dub whose cues are these lines, of two seconds each, spoken by Anna and Ben in turn."""
    run = run or make_run()
    fields = {
        "media_fetched_at": run.created_at,
        "cue_count": len(lines),
        "camb_language": language,
        "language_source": "camb" if language else "",
    } | fields
    dub = Dub.objects.create(team=run.team, run=run, language=language, **fields)
    Cue.objects.bulk_create(
        Cue(
            team=run.team,
            run=run,
            dub=dub,
            position=number,
            start_ms=2000 * (number - 1),
            end_ms=2000 * number,
            speaker=("Anna", "Ben")[(number - 1) % 2],
            text=line,
        )
        for number, line in enumerate(lines, start=1)
    )
    return dub


def make_pictured_copy(dub: Dub, **fields) -> MediaCopy:
    """Make a kept copy of the dub's video, whose still is `b"poster"` and `b"small"`."""
    name, mark = f"{dub.team_id}/{next(_numbers)}.mp4", copy_storage.own_mark()
    fields = {"kind": "video", "state": "kept", "name": name, "storage": mark} | fields
    copy = MediaCopy.objects.create(
        team=dub.team,
        dub=dub,
        content_type="video/mp4",
        size=9,
        still_bytes=11,
        due_at=None,
        **fields,
    )
    still_files.store(copy, stills.Still(b"poster", b"small"))
    return copy


def make_searchable_dub(
    run: Run | None = None, lines: list[str] | tuple[str, ...] = (), language: str = "en-us", **fields
) -> Dub:
    """Make a dub as `make_dub` does, with its cues in the search index."""
    dub = make_dub(run, lines, language, **fields)
    indexing.add_cues(dub.cues.select_related("dub"))
    return dub


def make_searchable_run(team: Team, *lines: str, **fields) -> Run:
    """Make a ready run with one dub of these lines, in the search index."""
    return make_searchable_dub(make_ready_run(team, **fields), lines).run


def make_source(team: Team, *languages: str, title: str = "Pilot", **fields) -> list[Run]:
    """Make ready runs of one source, each with one dub in one of the languages that has audio and a line."""
    runs = [make_ready_run(team, title=f"{title} ({language or 'plain'})", **fields) for language in languages]
    for run, language in zip(runs, languages, strict=True):
        make_dub(run, [f"la {language}"], language, audio_url="https://media.example/1.mp3")
    if len(runs) > 1:
        join_runs(team, [run.pk for run in runs])
    return runs


LINE = {"start": 0.5, "end": 2.25, "text": "The kettle is on.", "speaker": "Anna"}


def ready(**fields) -> dict:
    """Return CAMB.AI's answer for a ready run, with these fields in place of the usual ones."""
    return {
        "video_url": "https://media.example/1.mp4",
        "audio_url": "https://media.example/1.mp3",
        "transcript": [LINE],
    } | fields
