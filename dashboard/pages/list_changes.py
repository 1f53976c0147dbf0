"""Makes what a poll of the list brings once for all tabs that show the same, as the colleagues of a team do.

A sweep changes each team once. Without this, each open tab of the team would read and print the same rows again.
"""

import sys
from collections.abc import Callable, Hashable
from datetime import datetime
from time import monotonic
from typing import NamedTuple

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from dashboard.pages.kept_pieces import KeptPieces

# A tab shows what its last poll brought until the team's next version, however long that takes. So a few seconds
# make no sentence about a time older than it may be anyway.
SHARED_SECONDS = 10
MAX_BYTES = 8 * 2**20  # of each process of the web server


class ListChanges(NamedTuple):
    """What has changed for everyone who shows the same page of a list. Nothing in it is of one person."""

    html: SafeString
    still_there: str
    """The ids of the runs on the page, without those that are gone."""
    next_at: datetime | None
    pause: str
    """Why no run is checked, in a few words; empty while checks go on."""
    news: str


kept = KeptPieces[ListChanges](MAX_BYTES)


def share_changes(shown: Hashable, make: Callable[[], ListChanges]) -> ListChanges:
    """Return what `make` makes, or has made lately for another tab.

    `shown` is all that decides what it makes beside the language, the time zone and the moment: the team and its
    version, the page, and the reader's rights.
    """
    key = (shown, get_language(), timezone.get_current_timezone_name(), int(monotonic() / SHARED_SECONDS))
    if (changes := kept.get(key)) is None:
        changes = make()
        kept.put(key, changes, sys.getsizeof(changes.html))
    return changes
