"""Links to a dub's media at CAMB.AI's hosts: whether a link can be played, when it expires, and its renewal."""

import logging
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings
from django.core.cache import cache
from django.utils import translation
from django.utils.translation import gettext as _

from results import camb, clock
from results.models import ApiKey, Dub, Run
from results.refresh import call_log, circuit_breaker, claims, keys, save
from results.secrets import SealBrokenError

logger = logging.getLogger(__name__)

Kind = Literal["video", "audio"]

# Within this time CAMB.AI is asked once for a run's links, however many browsers find the old one dead.
RENEWAL_SECONDS = 20
# A link that expires while the first bytes travel is as good as dead.
EXPIRY_MARGIN = timedelta(seconds=5)


class NoPlayableLinkError(Exception):
    """There is no link that can be played; the message is a sentence for the user who pressed play."""


class NoKeyError(Exception):
    """The team has no CAMB.AI key."""


# --- The link to play --------------------------------------------------------------------------------


def playable_url(dub: Dub, kind: Kind, *, renew: bool = False) -> str:
    """Return a link that browsers play on our pages, else as `live_url`. Raises NoPlayableLinkError."""
    url = live_url(dub, kind, renew=renew)
    if why := refusal(url):
        raise NoPlayableLinkError(why)
    return url


def live_url(dub: Dub, kind: Kind, *, renew: bool = False) -> str:
    """Return the link to download from, renewed at CAMB.AI first if it has expired.

    `renew` says that the stored link was found dead. Raises NoPlayableLinkError.
    """
    if renew or has_expired(dub, kind):
        is_renewed_now = _renew_once(dub.run)
        fresh = Dub.objects.filter(pk=dub.pk).first()
        if fresh is None:
            raise NoPlayableLinkError(_("CAMB.AI no longer has this dub."))
        # A link that just came is tried, unless it is the old one: our clock may be fast.
        is_old = is_renewed_now and _stored_url(fresh, kind) == _stored_url(dub, kind)
        dub = fresh
        if is_old and has_expired(dub, kind):
            raise NoPlayableLinkError(
                _("The link has expired and CAMB.AI gave no new one. Refresh the run, or try again later.")
            )
    url = _stored_url(dub, kind)
    if not url:
        raise NoPlayableLinkError(_("This dub has no video.") if kind == "video" else _("This dub has no audio."))
    if not is_playable(url):
        raise NoPlayableLinkError(refusal(url))
    return url


def refusal(url: str) -> str:
    """Return why browsers do not play this link on our pages, with the next step; empty if they do.

    They ask the Content-Security-Policy, and a page over https plays nothing over http.
    """
    if not is_playable(url):
        return _("CAMB.AI gave a link that cannot be played; it must be an http or https address.")
    if settings.IS_HTTPS and urlsplit(url).scheme == "http":
        return _("CAMB.AI's link is not encrypted (http), so browsers do not play it here. A copy kept here plays.")
    if any(_is_of(url, source) for source in settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["media-src"]):
        return ""
    host = urlsplit(url).netloc
    _warn_once(host)
    return _(
        "This server does not play media from %(host)s. Ask the administrator of this server to allow that host, "
        "or have Dubroom keep copies."
    ) % {"host": host}


def _is_of(url: str, source: str) -> bool:
    """Return whether the link is of this source of a Content-Security-Policy: a scheme, or hosts.

    Paths do not count: browsers ignore them after a redirect, as every link is played through one.
    """
    link = urlsplit(url)
    if source.endswith(":"):
        scheme, host, port = source[:-1], "*", "*"
    else:
        scheme, _mark, place = source.lower().rpartition("://")
        host, _mark, port = place.partition("/")[0].partition(":")
    name, usual_port = link.hostname or "", "443" if link.scheme == "https" else "80"
    is_scheme = link.scheme == "https" or (scheme or ("https" if settings.IS_HTTPS else "http")) == "http"
    is_host = host in ("*", name) or (host.startswith("*.") and name.endswith(host[1:]))
    return is_scheme and is_host and (port or usual_port) in ("*", str(link.port or usual_port))


@lru_cache(maxsize=100)
def _warn_once(host: str) -> None:
    """Name the setting where administrators look; pages name none."""
    logger.warning("Browsers do not play media from %s: MEDIA_HOSTS does not allow it.", host)


def is_playable(url: str) -> bool:
    """Return whether this is an http or https address, without credentials or characters that could mislead."""
    if not url.isprintable() or " " in url or "\\" in url:
        return False
    with suppress(ValueError):
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        return is_address and "@" not in parts.netloc
    return False


def _stored_url(dub: Dub, kind: Kind) -> str:
    return dub.video_url if kind == "video" else dub.audio_url


# --- Expiry ------------------------------------------------------------------------------------------


def has_expired(dub: Dub, kind: Kind) -> bool:
    """Return whether the link is known to have expired. A link without an expiry time is taken to be alive."""
    expiry = expiry_of(dub, kind)
    return expiry is not None and expiry <= clock.now() + EXPIRY_MARGIN


def expiry_of(dub: Dub, kind: Kind) -> datetime | None:
    """Return when the link expires, or None if the link does not say."""
    return parse_expiry(_stored_url(dub, kind), dub.media_fetched_at)


def parse_expiry(url: str, fetched_at: datetime) -> datetime | None:
    """Return the expiry time in a signed link's query, as AWS, Google, Azure and plain CDNs write it.

    `fetched_at` is when CAMB.AI gave the link: lifetimes in seconds count from then. None without such a time.
    """
    # A link may use "expires" for anything: a value that cannot be parsed counts as none.
    with suppress(ValueError, KeyError, OverflowError):
        query = {key.lower(): value for key, value in parse_qsl(urlsplit(url).query, max_num_fields=100)}
        for vendor in ("x-amz", "x-goog"):
            if f"{vendor}-expires" in query:
                signed_at = datetime.strptime(query[f"{vendor}-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
                return signed_at + timedelta(seconds=int(query[f"{vendor}-expires"]))
        if "se" in query:
            expiry = datetime.fromisoformat(query["se"])
            return expiry if expiry.tzinfo else expiry.replace(tzinfo=UTC)
        for name in ("expires", "expire", "expiry", "exp"):
            if name in query:
                return _parse_number(float(query[name]), fetched_at)
    return None


def _parse_number(number: float, fetched_at: datetime) -> datetime | None:
    """Return the time that a bare number means: a lifetime in seconds, or seconds or milliseconds since 1970."""
    if 0 < number < 1e8:
        return fetched_at + timedelta(seconds=number)
    if 1e8 <= number < 1e11:
        return datetime.fromtimestamp(number, UTC)
    if 1e11 <= number < 1e14:
        return datetime.fromtimestamp(number / 1000, UTC)
    return None


# --- Renewal -----------------------------------------------------------------------------------------


def _renew_once(run: Run) -> bool:
    """Renew the run's links unless that was done within RENEWAL_SECONDS: single-flight, callers share the outcome.

    Returns whether they were renewed by this call. Raises NoPlayableLinkError.
    """
    cache_key = f"media-renewal:{run.pk}"
    under_way = _("A new link is being fetched from CAMB.AI. Press play again in a few seconds.")
    if not cache.add(cache_key, under_way, RENEWAL_SECONDS):
        if message := cache.get(cache_key):
            raise NoPlayableLinkError(message)
        return False
    try:
        _renew(run)
    except (camb.CambError, NoPlayableLinkError) as error:
        cache.set(cache_key, str(error), RENEWAL_SECONDS)
        raise NoPlayableLinkError(str(error)) from error
    cache.set(cache_key, "", RENEWAL_SECONDS)
    return True


def _renew(run: Run) -> None:
    """Store fresh media links of the run. Raises camb.CambError, or NoPlayableLinkError without a usable key."""
    try:
        renew_links(run)
    except NoKeyError as error:
        raise NoPlayableLinkError(
            _("The link has expired, and this team has no CAMB.AI key to get a new one with.")
        ) from error
    except SealBrokenError as error:
        raise NoPlayableLinkError(
            _("The link has expired, and this team's CAMB.AI key must be pasted again to get a new one.")
        ) from error


def renew_links(run: Run) -> None:
    """Renew the run's links by a refresh in the calling thread, with short time-outs, since a user waits for them.

    Takes over the run's lease from a refresh under way: the answer of that refresh would be the older one. Raises
    camb.CambError, SealBrokenError or NoKeyError.
    """
    now = clock.now()
    key = ApiKey.objects.filter(pk=run.team_id).first()
    if key is None:
        raise NoKeyError
    if not ApiKey.objects.usable(now).filter(pk=key.pk).exists():
        raise camb.Unavailable(key.message)
    lease, log = uuid.uuid4(), call_log.CallLog(key.pk)
    Run.objects.filter(pk=run.pk).update(lease=lease, lease_until=now + claims.LEASE_DURATION, leased_by=None)
    try:
        # What is stored is in the server's language, whichever the person who waits reads.
        with translation.override(settings.LANGUAGE_CODE):
            with keys.client_with_timeout(key, seconds=10) as client, log.record([run.pk]):
                [answer] = client.fetch([run.camb_run_id or 0]).values()
            save.save_outcomes([save.Outcome(run.pk, lease, now, answer)], log)
    except camb.CambError as error:
        call_log.write_log(log, {})
        if error.concerns_key:
            circuit_breaker.record_failure(key, error)
        raise
    finally:
        claims.release(lease, [run.pk])
