"""The three errors of a call to CAMB.AI, and the one place that decides what an HTTP status code stands for.

    status           error        meaning                                  concerns_key  is_forbidden  blames_runs
    none             Unavailable  no answer: network, time-out             -             -             yes
    none             Refused      the key cannot be sent in a header       yes           -             -
    2xx              Unavailable  an answer too large to read              -             -             yes
    200              Malformed    an answer outside CAMB.AI's contract     -             -             yes
    3xx              Unavailable  a redirect, which is never followed      -             -             yes
    401              Refused      CAMB.AI does not know the key            yes           -             -
    402              Refused      the key's account has to pay             yes           -             -
    403              Refused      the key may not see one of the runs,     -             yes           yes
                                  or has lost its rights
    405, 406, 407,   Refused      CAMB.AI does not accept the request,     -             -             -
    411, 413 to 417,              whichever runs it is about
    421, 426, 428, 431
    408, 409, 423,   Unavailable  one call that came too late or too soon  -             -             yes
    425
    429              Unavailable  the key exceeds its rate limit           yes           -             -
    other 4xx        Refused      CAMB.AI does not accept one of the ids   -             -             yes
    503              Unavailable  CAMB.AI takes no calls for now, or none  yes           -             yes
                                  about one of the runs
    other 5xx        Unavailable  a fault in CAMB.AI                       -             -             yes

A code that stands in the body of a 200 counts as the status (`error_codes`).
Callers read the properties and never compare `http_status` themselves.
"""

from datetime import timedelta

# About the method, the headers, the proxy or the form of a request, whichever runs it asks about.
_OF_THE_REQUEST = {405, 406, 407, 411, 413, 414, 415, 416, 417, 421, 426, 428, 431}


class CambError(Exception):
    """CAMB.AI gave no usable answer. `str()` is a sentence that names the next step and never holds the API key.

    `http_status` is None when no answer was received. `retry_after` is the wait in seconds that CAMB.AI named, at
    most 900; None if CAMB.AI named none. `setting` is the setting of this server to check. Only the log names it:
    the people who read the sentence cannot change it.
    """

    def __init__(
        self, sentence: str, *, http_status: int | None = None, retry_after: int | None = None, setting: str = ""
    ) -> None:
        super().__init__(sentence)
        self.setting = setting
        self.http_status = http_status
        self.retry_after = retry_after

    @property
    def concerns_key(self) -> bool:
        """Whether every call with this key would fail in the same way, whichever runs it is about."""
        return self.http_status in (401, 402, 429, 503)

    @property
    def is_payment_required(self) -> bool:
        """Whether the key's account has to be topped up."""
        return self.http_status == 402

    @property
    def is_forbidden(self) -> bool:
        """Whether either the key or one of the runs is at fault.

        The status code does not tell them apart. A key at fault also fails for a run that it could see before.
        """
        return self.http_status == 403

    @property
    def is_unknown_run(self) -> bool:
        """Whether CAMB.AI, which checks the key first, found no run with this id."""
        return self.http_status == 404

    @property
    def blames_runs(self) -> bool:
        """Whether one of the runs may be at fault; calls with fewer runs find out which one."""
        return self.http_status != 429

    @property
    def named_wait(self) -> timedelta | None:
        """The wait that CAMB.AI named in a Retry-After header, or None."""
        return None if self.retry_after is None else timedelta(seconds=self.retry_after)


class Unavailable(CambError):
    """The same call may succeed later: network, time-out, redirect, rate limit, server fault, oversized answer."""


class Refused(CambError):
    """CAMB.AI declines the request, and would decline the same request again."""

    @property
    def concerns_key(self) -> bool:
        """Whether every call with this key would be declined. Without a status, the key could not even be sent."""
        return self.http_status is None or super().concerns_key

    @property
    def blames_runs(self) -> bool:
        return not self.concerns_key and self.http_status not in _OF_THE_REQUEST


class Malformed(CambError):
    """CAMB.AI answered, but not as its contract says. Stored results stay, and the run is asked for again later."""
