"""The list of export formats: each renders any text with the same few queries."""

import pytest

from results.exports.formats import FORMATS
from results.models import Dub
from tests.factories import make_dub, make_run
from tests.results.exports.cases import HOSTILE

pytestmark = pytest.mark.django_db
ALL = list(FORMATS.values())


def test_formats_are_listed_under_their_keys():
    assert {each.key: each for each in ALL} == FORMATS


@pytest.mark.parametrize("export_format", ALL, ids=lambda each: each.key)
@pytest.mark.parametrize("count", [0, 1, 60])
def test_file_costs_the_same_queries_for_any_number_of_cues(export_format, count, django_assert_num_queries):
    lines = [text.replace("\0", "") for text in HOSTILE * 3][:count]
    dub = Dub.objects.select_related("run").get(pk=make_dub(make_run(title="x"), lines).pk)
    # The cues; the run's tags; the dismissed review checks and the team's limits.
    with django_assert_num_queries({"json": 2, "checks": 3}.get(export_format.key, 1)):
        assert isinstance(export_format.file(dub), bytes)


@pytest.mark.parametrize("export_format", [each for each in ALL if each.is_bilingual], ids=lambda each: each.key)
def test_bilingual_file_costs_two_queries(export_format, django_assert_num_queries):
    run = make_run(title="x")
    one, two = make_dub(run, ["Hello"] * 30, "en-us"), make_dub(run, ["Hola"] * 30, "es-es")
    with django_assert_num_queries(2):
        assert export_format.bilingual_file(one, two).decode().count("Hola") == 30


def test_bilingual_formats_are_srt_and_csv():
    assert [each.key for each in ALL if each.is_bilingual] == ["srt", "csv"]
