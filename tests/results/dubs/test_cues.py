"""Cues as they are read from the database, which builds them without Django's way to."""

import pytest

from results.models import Cue
from tests.factories import make_dub

pytestmark = pytest.mark.django_db


def test_a_cue_that_was_read_is_an_instance_like_any_other():
    dub = make_dub(lines=["Hello"])
    cue = Cue.objects.select_related("dub").get()
    assert (cue.dub, cue.run, cue.text, cue._state.adding, cue._state.db) == (
        dub,
        dub.run,
        "Hello",
        False,
        "default",
    )
    cue.text = "Good evening"
    cue.save()
    part = Cue.objects.only("text").get()
    assert (part.text, part.get_deferred_fields() > {"speaker"}, part.speaker) == ("Good evening", True, "Anna")
    cue.refresh_from_db()
    assert cue == part == Cue.objects.get(text="Good evening")
