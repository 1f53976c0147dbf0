"""Numbers on pages have separators, as docs/voice.md asks."""

import pytest
from django.urls import reverse

from results.models import Run
from results.runs.trash import remove_runs
from tests.dashboard.page_helpers import signed_in, text_of
from tests.factories import make_numbered_runs

pytestmark = pytest.mark.django_db


@pytest.fixture
def many(team) -> list[int]:
    make_numbered_runs(team, 1240)
    Run.objects.update(status="failed", cue_count=4321, check_count=1234)
    return Run.objects.pks()


def test_the_list_counts_with_separators(team, member, many):
    text = text_of(member.get(reverse("runs-list", args=[team.slug])))
    for part in ("0 of 1,240 ready", "1,240 failed", "All 1,240", "Failed 1,240", "4,321", "1,234 review checks"):
        assert part in text, part
    Run.objects.update(check_count=1)
    page = member.get(reverse("runs-list", args=[team.slug])).content.decode()
    assert 'visually-hidden"> review check</span>' in page


def test_questions_before_many_runs_go_count_with_separators(team, owner, many):
    client = signed_in(owner)
    text = text_of(client.post(reverse("runs-bulk-remove", args=[team.slug]), {"all": 1}))
    assert text.count("Remove 1,240 runs") == 3
    remove_runs(team, many, by="Anna")
    text = text_of(client.post(reverse("trash-delete", args=[team.slug]), {"all": 1}))
    assert text.count("Delete 1,240 runs") == 2


def test_a_preview_counts_with_separators(team, member):
    ids = " ".join(str(900_000 + number) for number in range(1240))
    text = text_of(member.post(reverse("runs-add", args=[team.slug]), {"text": ids}))
    assert "Add 1,240 runs" in text
    assert "New 1,240" in text
