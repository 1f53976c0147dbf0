"""How does a test get a team with something in it?"""

from itertools import count

from results.models import ApiKey, Cue, Dub, Run
from teams.models import Membership, Team, User

_numbers = count(1)


def make_user(email: str = "", **fields) -> User:
    return User.objects.create_user(email or f"user{next(_numbers)}@example.org", "correct horse", **fields)


def make_team(name: str = "", owner: User | None = None) -> Team:
    return Team.objects.create_for(owner or make_user(), name or f"Team {next(_numbers)}")


def make_member(team: Team, role: str = Membership.Role.MEMBER) -> User:
    user = make_user()
    Membership.objects.create(team=team, user=user, role=role)
    return user


def make_key(team: Team, secret: str = "demo-key", **fields) -> ApiKey:
    key = ApiKey(team=team, **({"state": ApiKey.State.WORKING} | fields))
    key.secret = secret
    key.save()
    return key


def make_run(team: Team | None = None, **fields) -> Run:
    return Run.objects.create(
        team=team or make_team(), camb_run_id=fields.pop("camb_run_id", next(_numbers)), **fields
    )


def make_ready_run(team: Team, **fields) -> Run:
    return make_run(team, status=Run.Status.READY, due_at=None, **fields)


def make_dub(
    run: Run | None = None, lines: list[str] | tuple[str, ...] = (), language: str = "en-us", **fields
) -> Dub:
    """A dub whose cues are these lines, two seconds each, spoken by Anna and Ben in turn."""
    run = run or make_run()
    fields = {"media_fetched_at": run.created_at, "cue_count": len(lines)} | fields
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


LINE = {"start": 0.5, "end": 2.25, "text": "The kettle is on.", "speaker": "Anna"}


def ready(**fields) -> dict:
    """What CAMB.AI says of a run that is ready, with these fields instead of its own."""
    return {
        "video_url": "https://media.example/1.mp4",
        "audio_url": "https://media.example/1.mp3",
        "transcript": [LINE],
    } | fields
