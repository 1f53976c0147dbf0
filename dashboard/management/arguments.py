"""Arguments that several management commands share."""

from argparse import ArgumentParser, ArgumentTypeError

from teams.models import Team


def add_team(parser: ArgumentParser) -> None:
    """Add the required `--team SLUG`, which is passed to `handle` as a Team."""
    parser.add_argument(
        "--team", required=True, type=_team, metavar="SLUG", help="the team's slug, as in its addresses: /t/SLUG/"
    )


def _team(slug: str) -> Team:
    team = Team.objects.filter(slug=slug, removed_at=None).first()
    if team is None:
        raise ArgumentTypeError(f"There is no team {slug!r}.")
    return team
