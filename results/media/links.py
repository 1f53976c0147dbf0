"""Is this media link alive, when does it end, and how is a new one got?"""

import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import gettext as _

from results import camb, clock
from results.models import ApiKey, Dub, Run
from results.refresh import calls, claims, keys, limits, save
from results.secrets import SealBrokenError

Kind = Literal["video", "audio"]

# However many browsers meet the dead link in this time, CAMB.AI is asked for it once.
RENEWAL_SECONDS = 20
# A link that ends while the first bytes travel is as good as dead.
MARGIN = timedelta(seconds=5)


class NoPlayableLinkError(Exception):
    """There is no link that could be played; the message is a sentence for the person who pressed play."""


def playable_url(dub: Dub, kind: Kind, *, renew: bool = False) -> str:
    """Return the link to play, renewed by asking CAMB.AI if it has ended.

    `renew` says that a browser met the stored link dead. Raises Dead.
    """
    if renew or has_expired(dub, kind):
        _renew_once(dub.run)
        fresh = Dub.objects.filter(run=dub.run_id, language=dub.language).first()
        if fresh is None:
            raise NoPlayableLinkError(_("CAMB.AI no longer has this dub."))
        dub = fresh
        if has_expired(dub, kind):
            raise NoPlayableLinkError(
                _("The link has ended and CAMB.AI gave no new one. Refresh the run, or try again later.")
            )
    url = _stored(dub, kind)
    if not url:
        raise NoPlayableLinkError(_("This dub has no video.") if kind == "video" else _("This dub has no audio."))
    if not is_playable(url):
        raise NoPlayableLinkError(
            _("CAMB.AI gave a link that cannot be played; it must be an http or https address.")
        )
    return url


def is_playable(url: str) -> bool:
    """Is this an http or https address, with nothing in it that could lead elsewhere?"""
    if not url.isprintable() or " " in url or "\\" in url:
        return False
    with suppress(ValueError):
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    return False


def has_expired(dub: Dub, kind: Kind) -> bool:
    """Is the link known to have ended? A link that does not say when it ends is taken to be alive."""
    end = expiry_of(dub, kind)
    return end is not None and end - MARGIN <= timezone.now()


def expiry_of(dub: Dub, kind: Kind) -> datetime | None:
    """When the link ends, if it says so."""
    return parse_expiry(_stored(dub, kind), dub.media_fetched_at)


def parse_expiry(url: str, fetched_at: datetime) -> datetime | None:
    """Return the end that a signed link carries in its query, in the ways of AWS, Google, Azure and plain CDNs."""
    # A link is free to call anything "expires"; what cannot be read says nothing.
    with suppress(ValueError, KeyError, OverflowError):
        said = {key.lower(): value for key, value in parse_qsl(urlsplit(url).query, max_num_fields=100)}
        for vendor in ("x-amz", "x-goog"):
            if f"{vendor}-expires" in said:
                signed_at = datetime.strptime(said[f"{vendor}-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
                return signed_at + timedelta(seconds=int(said[f"{vendor}-expires"]))
        if "se" in said:
            end = datetime.fromisoformat(said["se"])
            return end if end.tzinfo else end.replace(tzinfo=UTC)
        for name in ("expires", "expire", "expiry", "exp"):
            if name in said:
                return _moment(float(said[name]), fetched_at)
    return None


def _moment(number: float, fetched_at: datetime) -> datetime | None:
    """What a bare number means: a lifetime in seconds, or a moment in seconds or milliseconds since 1970."""
    if 0 < number < 1e8:
        return fetched_at + timedelta(seconds=number)
    if 1e8 <= number < 1e11:
        return datetime.fromtimestamp(number, UTC)
    if 1e11 <= number < 1e14:
        return datetime.fromtimestamp(number / 1000, UTC)
    return None


def _renew_once(run: Run) -> None:
    """Have the run asked unless someone just did; what came of it holds for everybody who asks meanwhile."""
    key = f"media-renewal:{run.pk}"
    under_way = _("A new link is being fetched from CAMB.AI. Press play again in a few seconds.")
    if not cache.add(key, under_way, RENEWAL_SECONDS):
        if trouble := cache.get(key):
            raise NoPlayableLinkError(trouble)
        return
    try:
        renew_links(run)
    except camb.CambError as error:
        cache.set(key, str(error), RENEWAL_SECONDS)
        raise NoPlayableLinkError(str(error)) from error
    cache.set(key, "", RENEWAL_SECONDS)


def _stored(dub: Dub, kind: Kind) -> str:
    return dub.video_url if kind == "video" else dub.audio_url


def refresh_now(run: Run) -> None:
    """Ask about this run while somebody waits, to renew its media links. Raises camb.CambError or NoKeyError.

    Time-outs are short, and an ask under way elsewhere is overtaken: its answer would be the older one.
    """
    now = clock.now()
    key = ApiKey.objects.filter(pk=run.team_id).first()
    if key is None:
        raise NoKeyError
    if not ApiKey.objects.filter(limits.calls_allowed(now), pk=key.pk).exists():
        raise camb.Unavailable(key.message)
    lease, call_log = uuid.uuid4(), calls.CallLog(key.pk)
    Run.objects.filter(pk=run.pk).update(lease=lease, lease_until=now + claims.LEASE_DURATION, leased_by=None)
    try:
        with keys.client_with_timeout(key, seconds=10) as client, call_log.record([run.pk]):
            [answer] = client.fetch([run.camb_run_id or 0]).values()
        save.save_outcomes([save.Outcome(run.pk, lease, now, answer)], call_log)
    except camb.CambError as error:
        calls.write_log(call_log, {})
        if error.concerns_key:
            limits.record_failure(key, error)
        raise
    finally:
        claims.release(lease, [run.pk])


class NoKeyError(Exception):
    """The team has no CAMB.AI key to ask with."""


def renew_links(run: Run) -> None:
    """Ask for fresh media links, as `refresh_now` does. Raises camb.CambError, or Dead without a usable key."""
    try:
        refresh_now(run)
    except NoKeyError as error:
        raise NoPlayableLinkError(
            _("The link has ended, and this team has no CAMB.AI key to get a new one with.")
        ) from error
    except SealBrokenError as error:
        raise NoPlayableLinkError(
            _("The link has ended, and this team's CAMB.AI key must be pasted again to get a new one.")
        ) from error
