"""Is the team's CAMB.AI key any good, and when may it be used again?

One row a key says it for every worker on every machine: `retry_at` is the key's gate. Trouble closes it for a
while, the first call after that is a probe, and its success opens the gate again.
"""

import logging
import threading

from django.conf import settings
from django.db import transaction

from results import camb, queue
from results.models import ApiKey, Language, Run, TeamVersion
from results.refresh import limits, merge
from results.secrets import SealBrokenError
from teams.models import Team

logger = logging.getLogger(__name__)


State = ApiKey.State


def save_key(team: Team, secret: str) -> ApiKey:
    """Keep the team's CAMB.AI key, have it tested, and let its runs go on."""
    key = ApiKey(team=team)
    key.secret = secret
    fields = {"sealed": key.sealed, "last_four": key.last_four, "is_demo": False}
    key, _ = ApiKey.objects.update_or_create(team=team, defaults=fields)
    request_test(key)
    return key


def remove_key(team: Team) -> None:
    ApiKey.objects.filter(team=team).delete()
    TeamVersion.bump(team.pk)


def request_test(key: ApiKey) -> None:
    """Have a worker try the key; `last_call_at` is empty until it has."""
    with transaction.atomic():
        ApiKey.objects.filter(pk=key.pk).update(
            state=State.UNTRIED, message="", failures=0, retry_at=None, last_call_at=None
        )
        TeamVersion.bump(key.pk)
        queue.enqueue("test_key", key.pk)


def test_key(team_id: int) -> None:
    """Ask CAMB.AI about the team's newest run, or about run 1, and note what that says of the key."""
    key = ApiKey.objects.filter(pk=team_id).first()
    if key is None:
        return
    own = Run.objects.filter(team=team_id).order_by("-pk").values_list("camb_run_id", flat=True).first()
    try:
        client_for(key).fetch([own or 1])
    except camb.Refused as error:
        # Another team's run may well be forbidden: only about a run of its own does a 403 speak of the key.
        if error.http_status in (401, 402) or (error.http_status == 403 and own):
            limits.record_failure(key, error)
            return
    except (camb.CambError, SealBrokenError) as error:
        limits.record_failure(key, error)
        return
    limits.record_success(key)
    queue.enqueue("refresh_due")
    queue.enqueue("fetch_languages")


class _Kept(threading.local):
    """The client that a thread used last, and for whom."""

    client: camb.Client | None = None
    of: tuple[str, str] = ("", "")


_kept = _Kept()


def client_for(key: ApiKey) -> camb.Client:
    """This thread's client for the key; it is kept, so that a sweep runs over connections that stay open."""
    of = (key.base_url, key.secret)
    if _kept.client is None or _kept.of != of:
        if _kept.client:
            _kept.client.close()
        _kept.client, _kept.of = client_with_timeout(key, settings.CAMB_TOTAL_SECONDS), of
    return _kept.client


def client_with_timeout(key: ApiKey, seconds: float) -> camb.Client:
    """A client of its own that waits so long for an answer, in all."""
    return camb.Client(
        key.base_url,
        key.secret,
        connect_seconds=min(settings.CAMB_CONNECT_SECONDS, seconds),
        read_seconds=min(settings.CAMB_READ_SECONDS, seconds),
        total_seconds=seconds,
    )


def fetch_languages() -> None:
    """Ask once for CAMB.AI's numbers of languages, by any key that works, and name dubs that had but a number."""
    key = ApiKey.objects.filter(state=State.WORKING).order_by("-last_call_at").first()
    if key is None:
        return
    try:
        heard = client_for(key).fetch_languages()
    except (camb.CambError, SealBrokenError) as error:
        logger.warning("CAMB.AI's languages could not be asked for: %s", error)
        return
    tags = {language.camb_id: language.tag for language in heard if language.tag}
    Language.objects.bulk_create(
        [Language(camb_id=camb_id, tag=tag) for camb_id, tag in tags.items()],
        update_conflicts=True,
        unique_fields=["camb_id"],
        update_fields=["tag"],
    )
    merge.tag_numbered_dubs(tags)
