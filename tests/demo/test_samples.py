"""Tests that the sample runs suit a first look: many languages, every state, and media that matches the text."""

import struct
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from camb.client import CambAI

from demo.samples import DEMO_RUN_IDS, DEMO_TITLES, LANGUAGES, sample_runs
from demo.server import MEDIA_DIR
from tests.demo.conftest import Clock

WAITING = {48241: 20, 48244: 45, 48247: 90}
FAILED, PARTLY, NOT_FOUND, OLDER_FORM, AUDIO_ONLY, LONG = 48252, 48261, 48258, 48255, 48223, 48239


def answers(clock: Clock) -> dict[int, Any]:
    """Every sample's final answer, with file names for URLs."""
    runs = sample_runs(clock)
    for behaviour in runs.values():
        behaviour(str)
    clock.now += 90
    return {run_id: behaviour(str) for run_id, behaviour in runs.items()}


def dubs(answer: dict[str, Any]) -> list[dict[str, Any]]:
    if "status" in answer:
        return []
    return [answer] if "transcript" in answer else list(answer.values())


def length_s(name: str) -> float:
    """Return the length that the header of an MP4 file states, in seconds."""
    data = (MEDIA_DIR / name).read_bytes()
    scale: int
    length: int
    scale, length = struct.unpack_from(">II", data, data.index(b"mvhd") + 16)
    return length / scale


def test_samples_have_unique_ids_and_titles():
    assert len(set(DEMO_RUN_IDS)) == len(set(DEMO_TITLES.values())) == len(DEMO_RUN_IDS) == 18
    assert list(DEMO_TITLES) == DEMO_RUN_IDS


@pytest.mark.parametrize(("run_id", "seconds"), WAITING.items())
def test_a_waiting_run_becomes_ready_some_time_after_its_first_request(clock, run_id, seconds):
    answer: Any = sample_runs(clock)[run_id]
    clock.now += 1000  # before the first request: this time does not count

    assert not any((answer(str) or {}).values())
    clock.now += seconds - 0.1
    assert not any((answer(str) or {}).values())
    clock.now += 0.1
    assert len(dubs(answer(str))[0]["transcript"]) == 12


def test_samples_cover_every_state_and_form_of_answer(clock):
    found = answers(clock)

    assert set(DEMO_RUN_IDS) - set(found) == {NOT_FOUND}
    assert found[FAILED] == {"status": "ERROR", "exception_reason": "SOURCE_IS_AGE_RESTRICTED"}
    assert list(found[OLDER_FORM]) == ["output_video_url", "output_audio_url", "transcript"]
    assert list(found[AUDIO_ONLY]) == ["audio_url", "transcript"]
    assert (found[PARTLY]["video_url"], found[PARTLY]["audio_url"]) == (None, None)
    assert len(found[PARTLY]["transcript"]) == 12
    assert {run_id: list(answer) for run_id, answer in found.items() if len(dubs(answer)) > 1} == {
        48230: ["es-es", "fr-fr", "pt-br"],
        48236: ["54", "31"],
    }


def test_language_keys_are_known_to_camb(clock):
    known = {str(language["id"]) for language in LANGUAGES} | {language["short_name"] for language in LANGUAGES}
    keyed = [answer for answer in answers(clock).values() if dubs(answer) not in ([], [answer])]

    assert len(keyed) == 10
    assert {key for answer in keyed for key in answer} - known == set()


def test_cues_follow_one_another(clock):
    for answer in answers(clock).values():
        for dub in dubs(answer):
            times = [at for cue in dub["transcript"] for at in (cue["start"], cue["end"])]
            assert times == sorted(times)
            assert all(cue["text"] and cue["speaker"] and cue["end"] > cue["start"] for cue in dub["transcript"])


def test_the_long_run_lasts_an_hour(clock):
    (dub,) = dubs(answers(clock)[LONG])

    assert len(dub["transcript"]) >= 700
    assert 3590 < dub["transcript"][-1]["end"] < 3600
    assert len({cue["speaker"] for cue in dub["transcript"]}) >= 12


def test_every_media_file_is_as_long_as_its_transcript(clock):
    named = {
        name: dub["transcript"][-1]["end"]
        for answer in answers(clock).values()
        for dub in dubs(answer)
        for field, name in dub.items()
        if field.endswith("_url") and name
    }

    assert set(named) == {path.name for path in MEDIA_DIR.iterdir()}
    assert {name for name, end in named.items() if not 0 <= length_s(name) - end < 8} == set()


def test_media_stays_small():
    sizes = [path.stat().st_size for path in MEDIA_DIR.iterdir()]

    assert max(sizes) < 1_400_000
    assert sum(sizes) < 4 * 1024 * 1024


def test_the_sdk_reads_the_ready_samples_and_their_media_plays(stand_in):
    sdk = CambAI(api_key="demo-key", base_url=stand_in.base_url)

    results = sdk.dub.get_dubbed_runs_results(run_ids=[48201, 48202, 48219, 48230, 48236])

    assert [line.speaker for line in results["48201"].transcript[:3]] == ["Narradora", "Narradora", "Inés Robledo"]
    assert list(results["48236"]) == ["54", "31"]
    assert urlsplit(results["48230"]["fr-fr"].audio_url).path == "/media/lumen-launch.fr.m4a"
    response = httpx.get(results["48202"]["ja-jp"].video_url, headers={"range": "bytes=4-7"})
    assert (response.status_code, response.headers["content-type"], response.content) == (206, "video/mp4", b"ftyp")
