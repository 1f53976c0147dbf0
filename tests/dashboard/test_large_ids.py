"""An id that no database column holds is an id that does not exist, in the address of a page and of the API."""

import re
import uuid

import pytest
from django.urls import URLPattern, reverse
from django.urls.converters import IntConverter

from dashboard.urls import urlpatterns
from results.runs.source import join_runs
from tests.dashboard.api.test_api import BODIES, NO_RUNS, TABLE, script_of
from tests.dashboard.page_helpers import signed_in
from tests.factories import make_dub, make_run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("enqueued")]
TOO_LARGE = 10**20
PAGES = [
    (one.name, word)
    for one in urlpatterns
    if isinstance(one, URLPattern)
    for word, converter in one.pattern.converters.items()
    if isinstance(converter, IntConverter)
]
OPERATIONS = [(*one, word) for one in TABLE for word in re.findall("{(run|dub|source)}", one[1])]


@pytest.fixture
def known(team) -> dict[str, object]:
    """Values of this team for each part of an address."""
    dub = make_dub(make_run(team), ["Hello"])
    source = join_runs(team, [dub.run_id, make_run(team).pk])
    return {
        "slug": team.slug, "format_key": "srt", "uid": uuid.uuid4(), "pk": dub.pk, "other_pk": dub.pk,
        "run": dub.run_id, "dub": dub.pk, "source": source.pk, "format": "srt",
    }  # fmt: skip


@pytest.mark.parametrize(("name", "word"), PAGES)
def test_a_page_of_an_id_that_is_too_large_is_not_found(team, known, name, word):
    [pattern] = [one for one in urlpatterns if isinstance(one, URLPattern) and one.name == name]
    values = known | {word: TOO_LARGE}
    address = reverse(name, kwargs={each: values[each] for each in pattern.pattern.converters})
    client = signed_in(team.memberships.get().user, is_confirmed=True)
    assert {client.get(address).status_code, client.post(address).status_code} <= {404, 405}


@pytest.mark.parametrize(("method", "path", "word"), OPERATIONS)
def test_an_id_that_is_too_large_is_not_found_by_a_script(team, known, method, path, word):
    script, address = script_of(team, "owner"), path.format_map(known | {word: TOO_LARGE})
    if method in ("post", "patch"):
        answer = script.post(address, BODIES.get(path, NO_RUNS), method=method)
    else:
        answer = getattr(script, method)(address)
    assert answer.status_code == 404
