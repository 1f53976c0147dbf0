"""The circuit breaker of a key, kept in the key's row for all workers on all machines.

Failures that concern the key or the whole service open the circuit breaker: until `retry_at` no call begins. The
first call after that is a probe (the breaker is half-open), and its success closes the breaker.
"""

import logging
import random
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from results import camb, clock
from results.db.replica import fetch_rows
from results.models import ApiKey, Event, TeamVersion
from results.secrets import SealBrokenError

logger = logging.getLogger(__name__)

State = ApiKey.State

# A key that CAMB.AI refused is tried again now and then, in case it was mended on their side.
REFUSED_PROBE = timedelta(minutes=30)
# The backoff triples with each failed probe: a batch that fails costs at most five calls in ten minutes, although
# its second attempt is made in halves.
FIRST_PROBE = timedelta(seconds=20)
SLOWEST_PROBE = timedelta(minutes=15)
# A shorter outage of CAMB.AI is told to no one.
OUTAGE_AFTER = timedelta(minutes=5)
# `ApiKeyQuerySet.usable` in raw SQL: building its query costs more than the rest between two calls.
_USABLE = """
    select 1 from results_apikey as api_key join teams_team as team on team.id = api_key.team_id
    where api_key.team_id = %s and team.removed_at is null
    and (api_key.retry_at is null or api_key.retry_at <= %s or api_key.last_call_at > %s)
"""


def is_usable(key_id: int) -> bool:
    """Whether the key may be used now; asked before each call, since any thread may have opened the breaker."""
    now = clock.now()
    times = map(connection.ops.adapt_datetimefield_value, (now, now + ApiKey.CLOCK_TOLERANCE))
    return bool(fetch_rows(_USABLE, [key_id, *times]))


def record_success(key: ApiKey) -> None:
    """Close the circuit breaker, unless a failure was recorded since this call began: a 429 outweighs it."""
    now = clock.now()
    was_fine = key.state == State.WORKING and not key.failures
    if was_fine and key.last_call_at and now - key.last_call_at < timedelta(minutes=1):
        return
    # A call made with the key's predecessor says nothing of the key that has replaced it meanwhile.
    seen = _unchanged(key).filter(failures=key.failures, retry_at=key.retry_at)
    fine = {"state": State.WORKING, "message": "", "failures": 0, "retry_at": None, "last_call_at": now}
    if was_fine:
        seen.update(**fine)
        return
    with transaction.atomic():
        if seen.update(**fine, away_since=None):
            TeamVersion.bump(key.pk)
            _record_event(key, State.WORKING)


def record_inconclusive(key: ApiKey, error: camb.CambError) -> None:
    """Note that a test told nothing of the key: it stays untried, and the first answer about a run settles it."""
    sentence = _("CAMB.AI answered, but did not say whether it accepts this key. Add a run to find out.")
    untried = _unchanged(key).filter(state=State.UNTRIED)
    if untried.update(message=f"{sentence} {error}", last_call_at=clock.now()):
        TeamVersion.bump(key.pk)


def record_failure(key: ApiKey, error: camb.CambError | SealBrokenError, *, is_test: bool = False) -> None:
    """Count one failure, and open the circuit breaker unless it is a first one that CAMB.AI did not explain.

    Many calls that fail together count as one. After a first unexplained failure, the next call is made about other
    runs: one bad answer among thousands must not stop them all. A test makes one call only, so its failure counts.
    """
    now = clock.now()
    message, state, wait, named = str(error), State.UNAVAILABLE, _probe_backoff(key.failures), None
    setting = getattr(error, "setting", "")
    if isinstance(error, SealBrokenError):
        message = _("The stored key can no longer be decrypted on this server. Paste the key again.")
        state, wait, setting = State.REFUSED, REFUSED_PROBE, "FIELD_KEYS"
    elif isinstance(error, camb.Refused):
        state, wait = State.UNPAID if error.is_payment_required else State.REFUSED, REFUSED_PROBE
    elif (named := error.named_wait) is not None:
        # Obeyed to the second. If it was named too short once, our own pause counts too.
        wait = max(named, wait if key.failures else timedelta())
    fields: dict[str, object] = {"failures": F("failures") + 1, "last_call_at": now}
    is_explained = state != State.UNAVAILABLE or getattr(error, "concerns_key", True)
    if key.failures or is_explained or is_test:
        fields |= {"state": state, "message": message, "retry_at": now + wait}
    fields["away_since"] = Coalesce("away_since", now) if state == State.UNAVAILABLE else None
    advice = f" Check the setting {setting}." if setting else ""
    logger.warning("Key of team %s failed (%d before): %s%s", key.pk, key.failures, message, advice)
    same = _unchanged(key)
    with transaction.atomic():
        is_first = same.filter(failures=key.failures).update(**fields)
        if is_first:
            TeamVersion.bump(key.pk)
        if is_first and state != State.UNAVAILABLE:
            _record_event(key, state, message)
    if not is_first and named is not None:
        # Of calls that fail together, the one that names the longest time counts.
        same.filter(failures__gt=key.failures, retry_at__lt=now + wait).update(retry_at=now + wait)


def record_outages() -> None:
    """Write an event for each team whose key has had no answer of CAMB.AI's for OUTAGE_AFTER, once an outage."""
    away = ApiKey.objects.filter(away_since__lte=clock.now() - OUTAGE_AFTER, state=State.UNAVAILABLE)
    for key in away.exclude(told_state=State.UNAVAILABLE):
        with transaction.atomic():
            # An answer that came meanwhile has ended the outage.
            if away.filter(pk=key.pk).select_for_update().exists():
                TeamVersion.bump(key.pk)
                _record_event(key, State.UNAVAILABLE, key.message)


def _record_event(key: ApiKey, state: str, message: str = "") -> None:
    """Write an event that the key is in this state, unless the team was told so; in the transaction under way."""
    told = "" if state == State.WORKING else state
    row = ApiKey.objects.filter(pk=key.pk)
    earlier = row.values_list("told_state", flat=True).first()
    if earlier is None or earlier == told:
        return
    row.update(told_state=told)
    is_of_service = State.UNAVAILABLE in (state, earlier) and not (told and told != State.UNAVAILABLE)
    detail = {"state": state, "before": earlier, "message": message}
    kind = Event.Kind.AWAY if is_of_service else Event.Kind.KEY
    Event.objects.create(team_id=key.pk, kind=kind, detail=detail)


def _unchanged(key: ApiKey) -> QuerySet[ApiKey]:
    """The key's row, unless another key was saved since `key` was read: optimistic locking."""
    return ApiKey.objects.filter(pk=key.pk, sealed=key.sealed)


def _probe_backoff(failures: int) -> timedelta:
    """Return the wait before the next probe: an exponential backoff with jitter, up to SLOWEST_PROBE."""
    growth: int = 3 ** min(failures, 9)
    return min(FIRST_PROBE * growth, SLOWEST_PROBE) * random.uniform(1.0, 1.1)  # noqa: S311  jitter, not a secret
