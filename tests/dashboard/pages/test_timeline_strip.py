"""The timeline's strip: the whole dub in turns, and a part of it in single lines."""

import re

import pytest
from django.urls import reverse

from results.models import Dub, MediaCopy
from tests.factories import make_dub, make_ready_run

pytestmark = pytest.mark.django_db
AUDIO = "https://media.example/1.mp3"


@pytest.fixture
def hour(team):
    """A dub of an hour, in lines of two seconds."""
    dub = make_dub(make_ready_run(team), ["line"] * 1800, audio_url=AUDIO)
    Dub.objects.filter(pk=dub.pk).update(duration_ms=3_600_000)
    return dub


def strip(client, dub, query: str = "") -> str:
    return client.get(reverse("runs-detail-timeline", args=[dub.run_id]) + query).content.decode()


def block_widths(body: str) -> set[int]:
    found = re.findall(r"M(\d+) 8H(\d+)V", body)
    return {int(end) - int(start) for start, end in found}


def test_the_whole_dub_is_drawn_in_turns_and_a_part_in_lines(client, reader, hour):
    whole = strip(client, hour)
    assert 'data-columns="1000"' in whole
    assert min(block_widths(whole)) >= 8
    minute = strip(client, hour, "?from=600000&to=660000")
    assert 'data-columns="60000"' in minute
    # A line of two seconds is a thirtieth of the minute.
    assert block_widths(minute) == {33, 34}
    starts = [int(column) for column in re.findall(r"M(\d+) 8H", minute)]
    assert (min(starts), max(starts)) == (8966, 12_000)  # a minute before and after it, too


def test_a_part_has_its_checks_and_hits(client, reader, hour):
    hour.cues.filter(position=301).update(text="x" * 70)
    body = strip(client, hour, "?from=600000&to=660000")
    assert 'class="checks" d="M10000 21h3v3h-3z"' in body
    assert 'class="checks" d=""' in strip(client, hour, "?from=60000&to=120000")


def test_a_part_has_its_part_of_the_waveform(client, reader, hour):
    MediaCopy.objects.create(
        team=hour.team, dub=hour, kind="audio", state="kept", waveform=bytes(1000), length_ms=3_600_000
    )
    body = strip(client, hour, "?from=1800000&to=2160000")
    assert re.search(r'class="wave" x="4000" y="8" width="30\d\d"', body)
    assert 'viewBox="0 0 301 64"' in body


@pytest.mark.parametrize(("length_ms", "columns"), [(7_200_000, 2000), (1_800_000, 500), (0, 1000)])
def test_the_strip_is_as_long_as_a_copy_that_plays(client, reader, hour, length_ms, columns):
    MediaCopy.objects.create(team=hour.team, dub=hour, kind="audio", state="kept", length_ms=length_ms)
    body = strip(client, hour)
    assert f'viewBox="0 0 {columns} 24"' in body
    assert f'data-total="{length_ms or 3_600_000}"' in body


@pytest.mark.parametrize("query", ["?from=x&to=", "?from=9&to=3", "?from=99999999999&to=1", "?from=0&to=3600000"])
def test_any_part_is_answered(client, reader, hour, query):
    assert 'id="timeline"' in strip(client, hour, query)


def test_audio_has_the_strip_as_its_seek_bar(client, reader, hour):
    assert 'role="slider" tabindex="0" aria-label="Position"' in strip(client, hour)
    Dub.objects.filter(pk=hour.pk).update(video_url="https://media.example/1.mp4")
    body = strip(client, hour)
    assert ('aria-hidden="true"' in body, "slider" in body) == (True, False)
