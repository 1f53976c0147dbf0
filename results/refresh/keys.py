"""A team's CAMB.AI key: saved, tested, removed, and the HTTP client that uses it."""

import logging
import threading

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from results import camb, queue
from results.models import ApiKey, Language, Run, TeamVersion
from results.refresh import circuit_breaker, merge, poison
from results.secrets import SealBrokenError
from teams import audit
from teams.models import Team

logger = logging.getLogger(__name__)

State = ApiKey.State

FATAL = gettext_lazy(
    "Each time Dubroom read CAMB.AI's answer to the test, its worker ended. Ask the administrator of this server, "
    "then test the key again."
)


def save_key(team: Team, secret: str) -> ApiKey:
    """Save the team's CAMB.AI key, have it tested, and let the team's runs go on."""
    key = ApiKey(team=team)
    key.secret = secret
    fields = {"sealed": key.sealed, "last_four": key.last_four, "is_demo": False}
    with transaction.atomic():
        key, _ = ApiKey.objects.update_or_create(team=team, defaults=fields)
        audit.record(team, audit.Action.KEY_CHANGED, f"…{key.last_four}")
        _request_test(key)
    return key


def remove_key(team: Team) -> None:
    with transaction.atomic():
        ApiKey.objects.filter(team=team).delete()
        audit.record(team, audit.Action.KEY_REMOVED)
        TeamVersion.bump(team.pk)


def request_test(key: ApiKey) -> None:
    """Have a worker test the key; `last_call_at` is empty until it has."""
    with transaction.atomic():
        audit.record(key.pk, audit.Action.KEY_TESTED, f"…{key.last_four}")
        _request_test(key)


def _request_test(key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(
        state=State.UNTRIED, message="", failures=0, retry_at=None, last_call_at=None
    )
    TeamVersion.bump(key.pk)
    queue.enqueue("test_key", key.pk)


def test_key(team_id: int) -> None:
    """Ask CAMB.AI about the team's newest run, or about run 1, and record what that says of the key.

    The key is recorded as working only after an answer that CAMB.AI gives to accepted keys alone.
    """
    key = ApiKey.objects.filter(pk=team_id).first()
    if key is None:
        return
    with poison.attempt(f"test_key of team {team_id}") as may_run:
        if may_run:
            _test_key(key)
        else:
            circuit_breaker.record_failure(key, camb.Malformed(str(FATAL)), is_test=True)


def _test_key(key: ApiKey) -> None:
    own = Run.objects.present().filter(team=key.pk).order_by("-pk").values_list("camb_run_id", flat=True).first()
    try:
        _ask_for_proof(client_for(key), own)
    except InconclusiveError as error:
        circuit_breaker.record_inconclusive(key, error.answer)
    except (camb.CambError, SealBrokenError) as error:
        circuit_breaker.record_failure(key, error, is_test=True)
        return
    except MemoryError:
        raise
    except Exception:
        logger.exception("The answer to a test of team %s's key could not be read", key.pk)
        unreadable = camb.Malformed(_("CAMB.AI's answer to the test could not be read. Test the key again later."))
        circuit_breaker.record_failure(key, unreadable, is_test=True)
        return
    else:
        circuit_breaker.record_success(key)
    queue.enqueue("refresh_due")
    queue.enqueue("fetch_languages")


class InconclusiveError(Exception):
    """CAMB.AI's answer leaves open what was to be found out: it may have had several causes."""

    def __init__(self, answer: camb.CambError) -> None:
        super().__init__(str(answer))
        self.answer = answer


def _ask_for_proof(client: camb.Client, own_run_id: int | None) -> None:
    """Return once CAMB.AI has shown that it accepts the client's key.

    Raises camb.CambError when it does not, and InconclusiveError when its refusal leaves that open.
    """
    try:
        client.fetch([own_run_id or 1])
    except camb.Refused as error:
        if error.is_unknown_run:
            check_address(client)
        elif error.blames_runs and not (error.is_forbidden and own_run_id):
            # Another team's run may well be forbidden: only about a run of its own does a 403 concern the key.
            raise InconclusiveError(error) from error
        else:
            raise


def check_address(client: camb.Client) -> None:
    """Raise unless CAMB.AI's languages are at the address: a wrong address answers 404 about every run too.

    An answer that only says that its lists are broken says nothing about runs or the key: InconclusiveError.
    """
    try:
        client.fetch_languages()
    except (camb.Unavailable, camb.Malformed) as error:
        if error.http_status is None or error.concerns_key:
            raise
        raise InconclusiveError(error) from error
    except camb.Refused as error:
        if error.is_forbidden:
            raise InconclusiveError(error) from error
        if not error.is_unknown_run:
            raise
        sentence = _("CAMB.AI was not found at this server's address for it.")
        raise camb.Unavailable(
            f"{sentence} {camb.ASK_THE_ADMINISTRATOR}", http_status=error.http_status, setting="CAMB_BASE_URL"
        ) from error


# --- The HTTP client ---------------------------------------------------------------------------------


class _ThreadClient(threading.local):
    """The client that this thread used last, with the address and the key that it is for."""

    client: camb.Client | None = None
    used_for: tuple[str, str] = ("", "")


_thread = _ThreadClient()


def client_for(key: ApiKey) -> camb.Client:
    """Return this thread's client for the key. It is kept, so that a sweep uses connections that stay open.

    Raises SealBrokenError.
    """
    used_for = (key.base_url, key.secret)
    if _thread.client is None or _thread.used_for != used_for:
        if _thread.client:
            _thread.client.close()
        _thread.client, _thread.used_for = client_with_timeout(key, settings.CAMB_TOTAL_SECONDS), used_for
    return _thread.client


def client_with_timeout(key: ApiKey, seconds: float) -> camb.Client:
    """Return a new client whose calls end within these seconds. Raises SealBrokenError."""
    return camb.Client(
        key.base_url,
        key.secret,
        connect_seconds=min(settings.CAMB_CONNECT_SECONDS, seconds),
        read_seconds=min(settings.CAMB_READ_SECONDS, seconds),
        total_seconds=seconds,
    )


def fetch_languages() -> None:
    """Fetch CAMB.AI's numbers for languages with any key that works, and give dubs known by a number their tag."""
    key = ApiKey.objects.filter(state=State.WORKING).order_by("-last_call_at").first()
    if key is None:
        return
    try:
        fetched = client_for(key).fetch_languages()
    except (camb.CambError, SealBrokenError) as error:
        logger.warning("CAMB.AI's languages could not be fetched: %s", error)
        return
    tags = {language.camb_id: language.tag for language in fetched if language.tag}
    Language.objects.bulk_create(
        [Language(camb_id=camb_id, tag=tag) for camb_id, tag in tags.items()],
        update_conflicts=True,
        unique_fields=["camb_id"],
        update_fields=["tag"],
    )
    merge.tag_numbered_dubs(tags)
