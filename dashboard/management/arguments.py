"""How does a command name the team that it is about?"""

from argparse import ArgumentParser, ArgumentTypeError

from teams.models import Team


def add_team(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--team", required=True, type=_team, metavar="SLUG", help="the team's word in its addresses"
    )


def _team(slug: str) -> Team:
    team = Team.objects.filter(slug=slug).first()
    if team is None:
        raise ArgumentTypeError(f"There is no team {slug!r}.")
    return team
