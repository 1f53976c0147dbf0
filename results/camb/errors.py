"""In which three ways can asking CAMB.AI fail, and whom does each concern?"""


class CambError(Exception):
    """CAMB.AI gave no usable answer. `str()` is a sentence a person can act on and never holds the API key.

    `http_status` is None when no answer came at all; `retry_after` is in seconds, at most 900, None unless CAMB.AI
    named a time.
    """

    def __init__(self, sentence: str, *, http_status: int | None = None, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.http_status = http_status
        self.retry_after = retry_after

    @property
    def concerns_key(self) -> bool:
        """Whether this holds for every call with this key: 401, 402, 429 and 503."""
        return self.http_status in (401, 402, 429, 503)


class Unavailable(CambError):
    """Try again later: network, time-out, redirect, rate limit, a fault of their server, an answer too large."""


class Refused(CambError):
    """CAMB.AI declines what was asked; the same request will be declined again."""

    @property
    def blames_key(self) -> bool:
        """The team's key or account may be at fault. No status: the key cannot even be sent."""
        return self.http_status in (None, 401, 402, 403)

    @property
    def blames_runs(self) -> bool:
        """One of the runs may be at fault. 403 blames both: only asking for fewer runs tells which."""
        return self.http_status in (400, 403, 404, 422)


class Malformed(CambError):
    """CAMB.AI answered, but not as its contract says; keep what is known and try again later."""
