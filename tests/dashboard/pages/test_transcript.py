"""The transcript on a run's page: speakers, review checks, the strip, dubs side by side, and dubs of other runs."""

import html
import random
import re
from urllib.parse import quote

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dashboard.pages.cue_rows import VOICES
from dashboard.pages.timeline_strip import COLUMNS
from dashboard.pages.transcript import TranscriptPage
from dashboard.pages.transcript_parts import TranscriptFilter
from results.models import Cue, Dub, MediaCopy, TeamVersion
from results.runs.source import join_runs
from tests.dashboard.page_helpers import run_page
from tests.factories import make_dub, make_member, make_ready_run, make_searchable_dub, make_team

pytestmark = pytest.mark.django_db

AUDIO = "https://cdn.example.com/a.m4a?sig=1"


def texts(body):
    return re.findall(r'<p dir="(?:ltr|rtl)">(.*?)</p>', body)


def checks_in(body):
    return re.findall(r'<small><span dir="auto">(.*?)</span></small>', body)


def replace_cues(dub, *cues):
    """Replace the dub's cues by these (speaker, start_ms, end_ms, text), and return the dub."""
    dub.cues.all().delete()
    Cue.objects.bulk_create(
        Cue(team=dub.team, run=dub.run, dub=dub, position=n, speaker=speaker, start_ms=start, end_ms=end, text=text)
        for n, (speaker, start, end, text) in enumerate(cues, start=1)
    )
    dub.cue_count, dub.duration_ms = len(cues), max((end for _, _, end, _ in cues), default=0)
    dub.save()
    return dub


# --- The address -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", "?dub="),
        ("dub=es-es&play=audio&beside=fr-fr", "?dub=es-es&play=audio&beside=fr-fr"),
        ("dub=es-es&play=video&t=9&x=1", "?dub=es-es"),
        ("speaker=Anna&speaker=B%26n&speaker=Anna", "?dub=&speaker=Anna&speaker=B%26n"),
        ("find=%22a+b%22+", "?dub=&find=%22a+b%22+"),
        ("find=+", "?dub="),
    ],
)
def test_a_url_holds_only_what_differs_from_the_default(query, wanted):
    assert TranscriptFilter.read(QueryDict(query)).query == wanted


# --- What is looked for ------------------------------------------------------------------------------


def find(client, shown, **query):
    return client.get(reverse("runs-detail-find", args=[shown.run_id]), query)


@pytest.fixture
def said(team):
    """A dub in the index, with a twin in another language beside it."""
    run = make_ready_run(team)
    dub = make_searchable_dub(run, ["Über 👍 the bridge", "nothing", "A <bridge>, two bridges"], audio_url=AUDIO)
    make_searchable_dub(run, ["La bridge"], language="fr-fr")
    Dub.objects.filter(pk=dub.pk).update(duration_ms=6000)
    return dub


def test_matches_are_sent_as_the_places_that_a_script_counts(client, reader, said):
    answer = find(client, said, dub="en-us", find="bridge")
    assert answer.json() == {
        "lines": [[1, 12, 18], [3, 3, 9, 16, 22]],
        "others": [],
        "path": "M0 0H334v6H0zM666 0H1000v6H666z",
    }
    assert find(client, said, dub="en-us", find="uber").json()["lines"] == [[1, 0, 4]]
    assert find(client, said, dub="en-us", find="-bridge").json()["lines"] == [[2]]
    assert find(client, said, dub="en-us", find="nowhere").json()["lines"] == []


def test_matches_are_those_of_the_lines_that_are_shown(client, reader, said):
    assert find(client, said, dub="en-us", find="bridge", speaker="Ben").json()["lines"] == []
    beside = find(client, said, dub="en-us", beside="fr-fr", find="bridge").json()
    assert (len(beside["lines"]), beside["others"]) == (2, [[1, 3, 9]])


def test_matches_are_sent_again_only_after_a_change(client, reader, said, team):
    answer = find(client, said, find="bridge")
    known = {"HTTP_IF_NONE_MATCH": answer["ETag"]}
    address = reverse("runs-detail-find", args=[said.run_id])
    assert client.get(address, {"find": "bridge"}, **known).status_code == 304
    assert client.get(address, {"find": "bridges"}, **known).status_code == 200
    TeamVersion.bump(team.pk)
    assert client.get(address, {"find": "bridge"}, **known).status_code == 200


def test_the_page_marks_what_its_address_looks_for_and_keeps_it_in_the_form(client, reader, said):
    body = run_page(client, said.run, "?dub=en-us&speaker=Anna&find=%22bridge")
    assert texts(body) == [
        "Über 👍 the <mark>bridge</mark>",
        "A &lt;<mark>bridge</mark>&gt;, two <mark>bridge</mark>s",
    ]
    assert body.count(" is-found") == 2
    assert 'name="find" value="&quot;bridge"' in body
    assert '<input type="hidden" name="speaker" value="Anna">' in body
    assert ">3</output>" in body
    assert ">none</output>" in run_page(client, said.run, "?find=nowhere")


# --- Speakers ----------------------------------------------------------------------------------------


def test_speakers_are_listed_with_their_share_of_the_talk(team):
    dub = replace_cues(
        make_dub(make_ready_run(team)),
        ("Anna", 0, 60_000, "one two three"),
        ("", 60_000, 70_000, "(music)"),
        ("Ben", 70_000, 100_000, "four"),
    )
    stats = [(one.name, one.talk, one.share, one.words) for one in TranscriptPage(dub, TranscriptFilter()).speakers]
    assert stats == [("Anna", "1:00", 60, 3), ("Ben", "0:30", 30, 1)]


def test_six_speakers_are_listed_and_the_others_behind_a_button(team, client, reader):
    dub = make_dub(make_ready_run(team))

    def page_of(speakers, query=""):
        replace_cues(dub, *((f"S{n}", n * 10_000, n * 10_000 + 9999 - n, "x") for n in range(speakers)))
        return run_page(client, dub.run, query)

    assert "more-speakers" not in page_of(7)
    assert '<details class="more-speakers">\n    <summary>2 more</summary>' in page_of(8)
    assert '<details class="more-speakers" open>' in page_of(8, "?speaker=S7")
    body = page_of(8)
    assert [body.count(f'id="speaker-{n}"') for n in (1, 6, 7, 8)] == [1, 1, 1, 1]


def test_where_words_have_no_spaces_characters_are_counted(team, client, reader):
    dub = replace_cues(make_dub(make_ready_run(team), language="ja-jp"), ("中村", 0, 9000, "おはよう ございます"))
    assert TranscriptPage(dub, TranscriptFilter()).speakers[0].words == 10
    assert "10 characters" in run_page(client, dub.run)


def test_colours_follow_the_order_of_speaking_and_repeat(team):
    dub = replace_cues(make_dub(make_ready_run(team)), *((f"S{n}", n, n + 1, "x") for n in range(VOICES + 1)))
    voices = TranscriptPage(dub, TranscriptFilter()).voices
    assert [voices["S0"], voices["S1"], voices[f"S{VOICES}"]] == ["voice-0", "voice-1", "voice-0"]


def test_lines_are_filtered_by_speaker(client, team, reader):
    dub = make_dub(make_ready_run(team), ["a", "b", "c", "d"], audio_url=AUDIO)
    assert texts(run_page(client, dub.run, "?speaker=Anna")) == ["a", "c"]
    assert texts(run_page(client, dub.run, "?speaker=Anna&speaker=Ben")) == ["a", "b", "c", "d"]
    assert texts(run_page(client, dub.run, "?speaker=nobody")) == ["a", "b", "c", "d"]
    body = run_page(client, dub.run, "?speaker=Anna")
    assert re.findall(r'<li id="(cue-\d)" class="cue (voice-\d)"', body) == [
        ("cue-1", "voice-0"),
        ("cue-3", "voice-0"),
    ]


def test_a_chip_adds_and_removes_its_speaker(client, team, reader):
    dub = make_dub(make_ready_run(team), ["a", "b"])
    chosen = TranscriptPage(dub, TranscriptFilter(dub="en-us", speakers=("Anna", "gone")))
    assert [(one.name, one.is_chosen, one.href) for one in chosen.speakers] == [
        ("Anna", True, "?dub=en-us"),
        ("Ben", False, "?dub=en-us&speaker=Anna&speaker=Ben"),
    ]


def test_a_viewer_is_offered_no_renaming_and_no_linking(client, team):
    client.force_login(make_member(team, "viewer"))
    dub = make_dub(make_ready_run(team), ["a", "b"], audio_url=AUDIO)
    body = run_page(client, dub.run)
    assert reverse("runs-speakers-rename", args=[dub.run_id]) not in body
    assert reverse("runs-source", args=[dub.run_id]) not in body


# --- Renaming ----------------------------------------------------------------------------------------


def rename(client, run, speaker, query="", **typed):
    address = f"{reverse('runs-speakers-rename', args=[run.pk])}?speaker={quote(speaker)}{query}"
    return client.post(address, typed)


def test_a_rename_returns_to_the_page_as_it_was(client, team, reader):
    dub = make_dub(make_ready_run(team), ["a", "b"], "es-es", audio_url=AUDIO)
    answer = rename(client, dub.run, "Anna", "&dub=es-es&beside=fr-fr", name=" Dr. Kim ")
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        f"{reverse('runs-detail', args=[dub.run_id])}?dub=es-es&beside=fr-fr",
    )
    assert list(dub.cues.values_list("speaker", "original_speaker")) == [("Dr. Kim", "Anna"), ("Ben", "")]
    captions = client.get(reverse("media-captions", args=[dub.pk])).content.decode()
    assert "<v Dr. Kim>a</v>" in captions
    exported = client.get(reverse("runs-export-dub", args=[dub.pk, "csv"])).content.decode()
    assert "Dr. Kim" in exported


def test_the_form_offers_the_original_name(client, team, reader):
    dub = make_dub(make_ready_run(team), ["a"])
    rename(client, dub.run, "Anna", name="Kim")
    form = client.get(reverse("runs-speakers-rename", args=[dub.run_id]) + "?speaker=Kim").content.decode()
    assert re.findall(r'name="restore"[^>]*><span>([^<]*<bdi>[^<]*)', form) == ["Restore <bdi>Anna"]
    rename(client, dub.run, "Kim", name="Kim", restore="1")
    assert dub.cues.get().speaker == "Anna"
    assert (
        "restore"
        not in client.get(reverse("runs-speakers-rename", args=[dub.run_id]) + "?speaker=Anna").content.decode()
    )


def test_an_empty_name_restores_the_original(client, team, reader):
    dub = make_dub(make_ready_run(team), ["a"])
    rename(client, dub.run, "Anna", name="Kim")
    rename(client, dub.run, "Kim", name="")
    assert dub.cues.get().speaker == "Anna"


def test_a_name_that_is_too_long_is_refused_and_not_lost(client, team, reader):
    dub = make_dub(make_ready_run(team), ["a"])
    answer = rename(client, dub.run, "Anna", name="x" * 201)
    assert answer.status_code == 422
    assert f'value="{"x" * 201}"' in answer.content.decode()
    assert dub.cues.get().speaker == "Anna"


def test_a_name_is_escaped(client, team, reader):
    dub = make_dub(make_ready_run(team), ["a"], audio_url=AUDIO)
    hostile = '"><script>alert(1)</script>'
    rename(client, dub.run, "Anna", name=hostile)
    for body in (
        run_page(client, dub.run),
        client.get(
            f"{reverse('runs-speakers-rename', args=[dub.run_id])}?speaker={quote(hostile)}"
        ).content.decode(),
    ):
        assert "<script>alert" not in body
        assert html.escape(hostile) in body


# --- Review checks and the strip ---------------------------------------------------------------------


def test_lines_with_review_checks_are_marked_and_counted(client, team, reader):
    dub = replace_cues(
        make_dub(make_ready_run(team), audio_url=AUDIO),
        ("Anna", 0, 1000, "x" * 30),
        ("Anna", 1000, 2000, "fine"),
        ("Ben", 2000, 3000, ""),
    )
    body = run_page(client, dub.run)
    assert checks_in(body) == ["Fast: 30 characters/s, limit 20", "No text"]
    assert re.findall(r"<span data-of[^>]*>(.*?)</span>", body) == ["2 review checks"]


def test_the_strip_marks_the_lines_with_review_checks(client, team, reader):
    dub = replace_cues(
        make_dub(make_ready_run(team), audio_url=AUDIO), ("Anna", 0, 25_000, "x"), ("Ben", 25_000, 50_000, "")
    )
    body = run_page(client, dub.run)
    assert re.findall(r'<path class="checks" d="(.*?)"', body) == ["M0 21h3v3h-3zM500 21h3v3h-3z"]
    assert re.findall(r'<path class="checks" d="(.*?)"', run_page(client, dub.run, "?check=empty")) == [
        "M500 21h3v3h-3z"
    ]


def test_review_checks_are_shown_by_kind_the_most_severe_first(client, team, reader):
    dub = replace_cues(
        make_dub(make_ready_run(team), audio_url=AUDIO),
        ("Anna", 0, 1000, "x" * 30),
        ("Ben", 1000, 2000, ""),
        ("Ben", 2000, 3000, "y" * 40),
    )
    choices = r'<span class="truncate">(.*?)</span> <span class="count">(\d+)</span>'
    body = run_page(client, dub.run)
    assert re.findall(choices, body) == [("All review checks", "3"), ("No text", "1"), ("Fast", "2")]
    fast = run_page(client, dub.run, "?check=fast")
    assert checks_in(fast) == ["Fast: 30 characters/s, limit 20", "Fast: 40 characters/s, limit 20"]
    assert len(texts(fast)) == 3
    assert checks_in(run_page(client, dub.run, "?check=nonsense")) == checks_in(body)


def test_a_transcript_without_review_checks_has_no_buttons_for_them(client, team, reader):
    assert 'id="review-checks"' not in run_page(
        client, make_dub(make_ready_run(team), ["fine"], audio_url=AUDIO).run
    )


def test_the_strip_is_small_for_any_length_of_transcript(client, team, reader):
    many = replace_cues(
        make_dub(make_ready_run(team), audio_url=AUDIO),
        *(("Anna" if n // 100 % 3 else "Ben", n * 100, n * 100 + 90, "x") for n in range(5000)),
    )
    strip = re.search(r"<svg id=\"timeline\".*?</svg>", run_page(client, many.run), re.DOTALL)
    assert strip
    assert strip[0].count("<path") == 5
    assert len(strip[0]) < 30 * COLUMNS
    few = replace_cues(
        make_dub(make_ready_run(team), audio_url=AUDIO), ("Anna", 0, 500, "x"), ("Ben", 500, 1000, "y")
    )
    assert re.findall(r'<path class="(.*?)" d="(.*?)"', run_page(client, few.run)) == [
        ("block voice-0", "M0 8H500V24H0z"),
        ("block voice-1", "M500 8H1000V24H500z"),
        ("ticks", "M0 0V5M500 0V5"),
        ("checks", ""),
        ("hits", ""),
    ]


def waves(body):
    """Return the widths of the strip and of its waveform, and the waveform's path."""
    return re.findall(
        r'id="timeline"[^>]*viewBox="0 0 (\d+) 24".*?<svg class="wave"[^>]*width="(\d+)"[^>]*><path d="(.*?)"',
        body,
        re.DOTALL,
    )


def test_the_strip_shows_the_waveform_for_the_length_of_the_copy(client, team, reader):
    dub = replace_cues(make_dub(make_ready_run(team), audio_url=AUDIO), ("Anna", 0, 10_000, "x"))
    assert waves(run_page(client, dub.run)) == []
    copy = MediaCopy.objects.create(team=team, dub=dub, kind="audio", name="1/a.m4a", state="kept")
    assert waves(run_page(client, dub.run)) == []
    copy.waveform, copy.length_ms = random.Random(1).randbytes(1000), 15_000
    copy.save()
    [(strip, width, path)] = waves(run_page(client, dub.run))
    assert (strip, width, path.count("h1"), len(path) < 3000) == ("1500", "1500", 500, True)
    MediaCopy.objects.update(length_ms=8000)
    assert [wave[:2] for wave in waves(run_page(client, dub.run))] == [("800", "800")]


# --- Side by side ------------------------------------------------------------------------------------


def cells(body):
    """Return the texts of each row as a pair: the dub's own, and the other dub's."""
    rows = re.findall(
        r"<li data-start=\"\d+\"><div[^>]*>(.*?)</div><div lang=.*?>(.*?)</div></li>", body, re.DOTALL
    )
    return [(texts(one), texts(two)) for one, two in rows]


def test_two_dubs_of_a_run_are_shown_side_by_side(client, team, reader):
    dub = make_dub(make_ready_run(team), ["one", "two"], audio_url=AUDIO)
    other = replace_cues(make_dub(dub.run, language="ar-eg"), ("منى", 100, 3900, "واحد"))
    body = run_page(client, dub.run, "?beside=ar-eg")
    assert cells(body) == [(["one", "two"], ["واحد"])]
    assert '<div lang="ar-eg" dir="rtl">' in body
    assert re.findall(r'id="(cue-\d)"', body) == ["cue-1", "cue-2"]
    assert cells(run_page(client, dub.run, f"?beside={other.pk}")) == []


def test_the_language_beside_stays_when_the_main_one_changes_and_the_two_can_be_swapped(client, team, reader):
    run, linked = make_ready_run(team), make_ready_run(team)
    for language in ("en-us", "fr-fr", "es-es"):
        make_dub(run, ["one"], language, audio_url=AUDIO)
    make_dub(linked, ["uno"], "it-it", audio_url=AUDIO)
    join_runs(team, [run.pk, linked.pk])

    def links(query):
        body = run_page(client, run, query)
        tabs, swap = r'<nav class="tabs".*?</nav>', r'<a class="icon-button" href="([^"]*)" aria-label="Swap'
        return re.findall(r' href="([^"]*)"', re.findall(tabs, body, re.S)[0]), re.findall(swap, body)

    there = reverse("runs-detail", args=[linked.pk])
    assert links("?dub=en-us&beside=fr-fr") == (
        [
            "?dub=en-us&amp;play=audio&amp;beside=fr-fr",
            "?dub=fr-fr&amp;play=audio&amp;beside=en-us",
            "?dub=es-es&amp;play=audio&amp;beside=fr-fr",
            f"{there}?dub=it-it&amp;play=audio&amp;beside={run.pk}%3Afr-fr",
        ],
        ["?dub=fr-fr&amp;play=audio&amp;beside=en-us"],
    )
    swapped = f"{there}?dub=it-it&amp;play=audio&amp;beside={run.pk}%3Aen-us"
    assert links(f"?dub=en-us&beside={linked.pk}:it-it")[1] == [swapped]
    assert links("?dub=en-us") == (
        [f"{place}?dub={tag}&amp;play=audio" for place, tag in [
            ("", "en-us"), ("", "fr-fr"), ("", "es-es"), (there, "it-it")
        ]],
        [],
    )  # fmt: skip


def test_the_speaker_filter_keeps_the_aligned_lines_of_the_other_dub(client, team, reader):
    dub = make_dub(make_ready_run(team), ["one", "two"], audio_url=AUDIO)
    make_dub(dub.run, ["un", "deux"], "fr-fr")
    assert cells(run_page(client, dub.run, "?beside=fr-fr&speaker=Ben")) == [(["two"], ["deux"])]


def test_only_dubs_of_the_source_are_shown_side_by_side(client, team, reader):
    dub = make_dub(make_ready_run(team), ["one"], audio_url=AUDIO)
    linked = make_dub(make_ready_run(team, title="Pilot in French"), ["un"], "fr-fr")
    stranger = make_dub(make_ready_run(team), ["uno"], "es-es")
    foreign = make_dub(make_ready_run(make_team()), ["eins"], "de-de")
    join_runs(team, [dub.run_id, linked.run_id])
    body = run_page(client, dub.run)
    assert "Pilot in French · French (France)" in body
    assert cells(run_page(client, dub.run, f"?beside={linked.run_id}:fr-fr")) == [(["one"], ["un"])]
    for other in (stranger, foreign):
        assert cells(run_page(client, dub.run, f"?beside={other.run_id}:{other.language}")) == []


def test_many_runs_of_a_source_take_as_many_queries_as_two(client, team, reader):
    dub = make_dub(make_ready_run(team), ["one"], audio_url=AUDIO)
    join_runs(team, [dub.run_id, make_dub(make_ready_run(team), ["un"], "fr-fr").run_id])
    run_page(client, dub.run)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            run_page(client, dub.run, "?beside=x")
        counts.append(len(queries))
        for _ in range(10):
            join_runs(team, [dub.run_id, make_dub(make_ready_run(team), ["un"], "fr-fr").run_id])
    assert counts[0] == counts[1]


# --- A dub without a language ------------------------------------------------------------------------


def test_a_dub_without_a_language_says_so_beside_others(client, team, reader):
    dub = make_dub(make_ready_run(team), ["one"], "", audio_url=AUDIO)
    body = run_page(client, dub.run)
    assert 'aria-label="Audio"' in body
    assert "Unnamed" not in body
    make_dub(dub.run, ["un"], "fr-fr")
    assert re.findall(r'<a [^>]*?href="\?dub=[^"]*"[^>]*><bdi>(.*?)</bdi></a>', run_page(client, dub.run)) == [
        "No language",
        "French (France)",
    ]
