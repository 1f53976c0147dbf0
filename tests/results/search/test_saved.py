"""Saved searches: their owner, their visibility, and the alerts about new dubs."""

import pytest

from results import tasks
from results.models import Dub, Event, Run, SavedSearch, SearchAlert, VocabularyWord
from results.search import indexing, saved
from teams.models import Membership
from tests.factories import make_key, make_member, make_run, make_searchable_dub, make_team

pytestmark = pytest.mark.django_db
Role = Membership.Role


def membership(team, role=Role.MEMBER):
    return Membership.objects.get(team=team, user=make_member(team, role))


@pytest.fixture
def anna(team):
    return membership(team)


def store(team, *lines, **fields):
    """Store a dub as a refresh does."""
    return make_searchable_dub(make_run(team), lines, is_alert_checked=False, **fields)


def news(member):
    return {one.q: one.news for one in saved.visible_to(member)}  # type: ignore[attr-defined]


def test_a_new_dub_with_hits_causes_one_alert(team, anna):
    saved.save_search(anna, "kitchen", is_shared=False)
    saved.save_search(anna, "speaker:ben", is_shared=False)
    saved.save_search(anna, "lang:ja", is_shared=False)
    dub = store(team, "the kitchen", "a garden", "kitchens")
    tasks.match_saved_searches()
    tasks.match_saved_searches()
    assert news(anna) == {"kitchen": 1, "lang:ja": 0, "speaker:ben": 1}
    assert list(SearchAlert.objects.values_list("dub", "count", "saved_search__q").order_by("saved_search__q")) == [
        (dub.pk, 2, "kitchen"),
        (dub.pk, 1, "speaker:ben"),
    ]
    assert saved.new_alert_count(anna) == 2
    store(team, "another kitchen")
    saved.create_alerts()
    assert news(anna)["kitchen"] == 2


def test_refreshing_comes_before_a_backlog_of_alerts(team, anna, monkeypatch):
    monkeypatch.setattr(saved, "DUBS_WHILE_BUSY", 1)
    make_key(team)
    for _ in range(3):
        store(team, "the kitchen")
    Run.objects.filter(team=team).update(due_at=None)
    due = make_run(team)
    saved.create_alerts()
    assert Dub.objects.filter(is_alert_checked=False).count() == 2
    Run.objects.filter(pk=due.pk).update(due_at=None)
    saved.create_alerts()
    assert not Dub.objects.filter(is_alert_checked=False).exists()


def test_a_new_dub_with_hits_is_told_once_for_each_search(team, anna):
    kitchen = saved.save_search(anna, "kitchen", is_shared=False)
    dub = store(team, "the kitchen", "kitchens")
    saved.create_alerts()
    Dub.objects.filter(pk=dub.pk).update(is_alert_checked=False)
    saved.create_alerts()
    event = Event.objects.get()
    assert (event.kind, event.saved_search, event.run, event.detail) == ("found", kitchen, dub.run, {"count": 2})


def test_dubs_older_than_the_saved_search_cause_no_alert(team, anna):
    store(team, "the kitchen")
    saved.create_alerts()
    saved.save_search(anna, "kitchen", is_shared=False)
    saved.create_alerts()
    assert saved.new_alert_count(anna) == 0


def test_a_changed_dub_updates_its_alert_without_making_it_new(team, anna):
    saved.save_search(anna, "kitchen", is_shared=False)
    dub = store(team, "the kitchen", "a kitchen")
    saved.create_alerts()
    saved.mark_seen(saved.find_own(anna, "kitchen"))
    indexing.remove_cues(dub.cues.filter(position=1))
    dub.cues.filter(position=1).delete()
    Dub.objects.filter(pk=dub.pk).update(is_alert_checked=False)
    saved.create_alerts()
    assert (saved.new_alert_count(anna), SearchAlert.objects.get().count) == (0, 1)


def test_a_dub_that_changes_during_the_check_is_checked_again(team, anna, monkeypatch):
    saved.save_search(anna, "kitchen", is_shared=False)
    dub = store(team, "the garden")

    def change_meanwhile(dub):
        Dub.objects.filter(pk=dub.pk).update(cues_hash="newer")

    monkeypatch.setattr(indexing, "learn_words", change_meanwhile)
    saved.create_alerts()
    assert list(Dub.objects.filter(is_alert_checked=False)) == [dub]


def test_an_alert_is_seen_when_its_owner_looks_at_the_hits(team, anna):
    ben = membership(team)
    for member in (anna, ben):
        saved.save_search(member, "kitchen", is_shared=member is ben)
    store(team, "the kitchen")
    saved.create_alerts()
    assert saved.find_own(anna, "garden") is None
    assert (saved.new_alert_count(anna), saved.new_alert_count(ben)) == (1, 1)
    saved.mark_seen(saved.find_own(anna, "kitchen"))
    assert (saved.new_alert_count(anna), saved.new_alert_count(ben)) == (0, 1)


def test_a_search_is_visible_to_its_owner_only_unless_it_is_shared(team, anna):
    ben, outsider = membership(team), membership(make_team())
    saved.save_search(anna, "mine", is_shared=False)
    saved.save_search(anna, "ours", is_shared=True)
    seen = [[one.q for one in saved.visible_to(member)] for member in (anna, ben, outsider)]
    assert seen == [["mine", "ours"], ["ours"], []]


def test_a_search_is_saved_once_and_may_be_shared_later(team, anna):
    first = saved.save_search(anna, " kitchen ", is_shared=False)
    second = saved.save_search(anna, "kitchen", is_shared=True)
    assert (first.pk, SavedSearch.objects.get().is_shared) == (second.pk, True)


def test_a_user_can_save_a_limited_number_of_searches(team, anna, monkeypatch):
    monkeypatch.setattr(saved, "MAX_SAVED", 1)
    saved.save_search(anna, "one", is_shared=False)
    saved.save_search(anna, "one", is_shared=True)
    with pytest.raises(saved.TooManySearchesError):
        saved.save_search(anna, "two", is_shared=False)
    saved.save_search(membership(team), "two", is_shared=False)


def test_another_teams_dubs_cause_no_alert(team, anna):
    saved.save_search(anna, "kitchen", is_shared=True)
    store(make_team(), "their kitchen")
    saved.create_alerts()
    assert saved.new_alert_count(anna) == 0


def test_the_words_of_a_new_dub_are_learned(team):
    store(team, "the kitchen")
    saved.create_alerts()
    assert list(VocabularyWord.objects.order_by("word").values_list("team", "word")) == [
        (team.pk, "anna"),
        (team.pk, "kitchen"),
    ]
