"""Dismissed review checks: they follow the text of their line."""

import pytest

from results.models import Cue
from results.transcripts import dismissals
from results.transcripts.review import Kind
from tests.factories import make_dub, make_run, make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def dub():
    return make_dub(make_run(make_team()), ["Yes.", "No.", "Yes."])


def reasons(dub):
    found = dismissals.by_line(dismissals.of_dub(dub), list(dub.cues.all()))
    return {place: dismissed.reason for place, dismissed in found.items()}


def rewrite(dub, *texts):
    """Write the dub's lines anew, as a refresh does."""
    fields = {"team": dub.team, "run": dub.run, "dub": dub, "start_ms": 0, "end_ms": 1000}
    dub.cues.all().delete()
    Cue.objects.bulk_create(Cue(position=n, text=text, **fields) for n, text in enumerate(texts, start=1))


def test_a_dismissal_concerns_one_line_and_one_kind(dub):
    kim = make_user(name="Kim")
    dismissals.dismiss(dub.cues.get(position=3), Kind.FAST, "Sung", kim)
    assert reasons(dub) == {(3, Kind.FAST): "Sung"}
    dismissals.dismiss(dub.cues.get(position=3), Kind.FAST, "Intended", kim)
    assert reasons(dub) == {(3, Kind.FAST): "Intended"}
    dismissals.reopen(dub.cues.get(position=1), Kind.FAST)
    dismissals.reopen(dub.cues.get(position=3), Kind.LONG)
    assert reasons(dub) == {(3, Kind.FAST): "Intended"}
    dismissals.reopen(dub.cues.get(position=3), Kind.FAST)
    assert reasons(dub) == {}


def test_a_refresh_keeps_a_dismissal_for_as_long_as_the_line_has_its_text(dub):
    dismissals.dismiss(dub.cues.get(position=3), Kind.GAP, "Music", make_user())
    rewrite(dub, "Hello.", "Yes.", "Yes.", "No.")
    assert reasons(dub) == {(3, Kind.GAP): "Music"}
    rewrite(dub, "Yes.", "No.", "Yes!")
    assert reasons(dub) == {}
    rewrite(dub, "Yes.", "Yes.")
    assert reasons(dub) == {(2, Kind.GAP): "Music"}


def test_a_dismissal_outlives_the_person(dub):
    kim = make_user()
    dismissals.dismiss(dub.cues.get(position=1), Kind.FOREIGN, "A name", kim)
    kim.delete()
    assert reasons(dub) == {(1, Kind.FOREIGN): "A name"}
