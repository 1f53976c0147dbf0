"""The list of formats: each can be had, whatever was said, at the same small cost."""

import pytest

from results.exports.formats import FORMATS
from results.models import Dub
from tests.factories import make_dub, make_run
from tests.results.exports.cases import HOSTILE

pytestmark = pytest.mark.django_db
ALL = list(FORMATS.values())


def test_each_is_known_by_its_key():
    assert {format.key: format for format in ALL} == FORMATS


@pytest.mark.parametrize("format", ALL, ids=lambda format: format.key)
@pytest.mark.parametrize("count", [0, 1, 60])
def test_a_file_costs_the_same_queries_however_many_cues(format, count, django_assert_num_queries):
    lines = [text.replace("\0", "") for text in HOSTILE * 3][:count]
    dub = Dub.objects.select_related("run").get(pk=make_dub(make_run(title="x"), lines).pk)
    with django_assert_num_queries(2 if format.key == "json" else 1):  # the cues, and the run's tags
        assert isinstance(format.file(dub), bytes)


@pytest.mark.parametrize("format", [format for format in ALL if format.is_bilingual], ids=lambda format: format.key)
def test_a_bilingual_file_costs_two(format, django_assert_num_queries):
    run = make_run(title="x")
    one, two = make_dub(run, ["Hello"] * 30, "en-us"), make_dub(run, ["Hola"] * 30, "es-es")
    with django_assert_num_queries(2):
        assert format.bilingual_file(one, two).decode().count("Hola") == 30


def test_two_languages_can_be_had_as_subtitles_and_as_a_table():
    assert [format.key for format in ALL if format.is_bilingual] == ["srt", "csv"]
