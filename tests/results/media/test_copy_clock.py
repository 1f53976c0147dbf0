"""Copies after the clock was set back: no lease and no wait of the future holds them up."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from results import clock, tasks
from results.media import copy_fetch, quota
from results.models import MediaCopy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("copies_enabled")]


def test_after_the_clock_is_set_back_a_day_copies_are_fetched_at_once(waiting):
    a_day_ahead = timezone.now() + timedelta(days=1)
    MediaCopy.objects.update(lease=uuid.uuid4(), lease_until=a_day_ahead, size=5)
    assert quota.used_bytes(waiting.team_id) == 0
    [_lease] = copy_fetch.claim_due()
    MediaCopy.objects.update(lease=None, lease_until=None, due_at=a_day_ahead)
    assert copy_fetch.claim_due() == []
    tasks.recover_from_clock_change()
    [_lease] = copy_fetch.claim_due()


def test_recovering_from_a_clock_change_leaves_the_longest_waits_of_copies_alone(waiting):
    later, stored = timezone.now() + timedelta(hours=6.5), timezone.now() + copy_fetch.STORE_LEASE_DURATION
    MediaCopy.objects.update(due_at=later, lease=uuid.uuid4(), lease_until=stored)
    tasks.recover_from_clock_change()
    assert MediaCopy.objects.leased(clock.now()).get().due_at == later
