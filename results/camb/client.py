"""HTTP calls to CAMB.AI, and the mapping of every failed call to one of three errors."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from copy import copy
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from time import monotonic
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests
import urllib3
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from results.camb import bulk, parse
from results.camb.answers import LanguageAnswer, RunAnswer, TaskAnswer
from results.camb.error_codes import error_code_in, error_code_of_call
from results.camb.errors import Malformed, Refused, Unavailable
from results.camb.reasons import quote_message
from results.http import DeadlineAdapter

# The bounds in the schema of POST /dubbing-results. The prose beside the schema recommends 50–100 runs, but CAMB.AI
# validates against the schema and answers 422. A single run is fetched with GET /dub-result/{id}.
BATCH_MIN, BATCH_MAX = 2, 5

MAX_RETRY_AFTER = 15 * 60  # seconds
MAX_ERROR_BODY = 16 * 1024  # bytes
HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "dubroom"}
SHORTEST_SECRET = 8  # hiding a shorter key would also hide ordinary words of a transcript

# The sentence that people read for a status code; other codes get the sentence of their class.
SENTENCES = {
    400: _("CAMB.AI did not understand the request."),
    401: _("CAMB.AI does not accept this key. Paste a valid one under Team, Key."),
    402: _("CAMB.AI asks for payment. Top up the account that the key belongs to."),
    403: _(
        "CAMB.AI denies this key access. Check the key's rights, and that the run was made with this key's account."
    ),
    404: _("CAMB.AI has no run with this id. Check the id, and that the run was made with this key's account."),
    422: _("CAMB.AI did not accept the ids. Check that each is the id of a dubbing run."),
    429: _("CAMB.AI's rate limit is reached. Dubroom tries again later."),
}
_ERRORS_OF_THE_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    urllib3.exceptions.LocationValueError,
)
_ERRORS_OF_THE_ANSWER = (
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
    requests.exceptions.InvalidHeader,
    ValueError,
)
ASK_THE_ADMINISTRATOR = _("Ask the administrator of this server to check its settings.")
TRANSIENT_4XX = (408, 409, 423, 425, 429)  # these mean "later", all other 4xx codes mean "no"


class Client:
    """Calls CAMB.AI with one API key over one persistent connection. Not safe for two threads at once.

    A call ends within `total_seconds` plus the time to connect, and reads at most `max_bytes` after decompression.
    Every call raises Unavailable, Refused or Malformed when it fails; the key is never part of an error.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        connect_seconds: float = 5,
        read_seconds: float = 20,
        total_seconds: float = 60,
        max_bytes: int = 20 * 2**20,
    ) -> None:
        self._base_url = base_url.strip().rstrip("/")
        self._key = key.strip()
        # An error's text is no transcript, so there even a short key is hidden.
        self._hidden = self._key if len(self._key) >= SHORTEST_SECRET else ""
        self._timeout = (connect_seconds, read_seconds)
        self._total_seconds = total_seconds
        self._max_bytes = max_bytes
        self._adapter = DeadlineAdapter()
        try:
            self._host = urlsplit(self._base_url).hostname or ""
        except ValueError:
            self._host = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._adapter.close()

    def fetch(self, run_ids: Sequence[int]) -> dict[int, RunAnswer]:
        """Return CAMB.AI's answer for each of one to five runs, by run id.

        A run that CAMB.AI leaves out has an empty answer. Raises ValueError for ids that CAMB.AI cannot have given.
        """
        if len(set(run_ids)) != len(run_ids) or not all(0 < run_id <= bulk.MAX_RUN_ID for run_id in run_ids):
            raise ValueError("run ids must be unique and positive 64-bit integers")
        if len(run_ids) == 1:
            return {run_id: self._fetch_one(run_id) for run_id in run_ids}
        if not BATCH_MIN <= len(run_ids) <= BATCH_MAX:
            raise ValueError(f"CAMB.AI takes 1 to {BATCH_MAX} runs at once, not {len(run_ids)}")
        answer = parse.unpacked(self._send(run_ids=run_ids))
        by_run = bulk.sort_by_run(answer, run_ids)
        if by_run is None:
            raise Malformed(
                gettext("CAMB.AI's answer is not in the expected form. Dubroom tries again later."), http_status=200
            )
        if code := error_code_of_call(answer, by_run.by_run.values()):
            raise self._error(code, parse.read_error_value(answer, self._key))
        return {run_id: parse.read_run_in(by_run, run_id, self._hidden) for run_id in run_ids}

    def _fetch_one(self, run_id: int) -> RunAnswer:
        answer = self._send(f"/dub-result/{run_id}")
        if not (isinstance(answer, dict | str | None) or (isinstance(answer, list) and answer)):
            raise Malformed(
                gettext("CAMB.AI's answer is not in the expected form. Dubroom tries again later."),
                http_status=200,
            )
        read = parse.read_run(run_id, answer, self._hidden)
        if not read.dubs:
            self._check_for_code(answer)
        return read

    def _check_for_code(self, answer: object) -> None:
        """Raise the error whose code an answer without a result holds, although it came with 200."""
        answer = parse.unpacked(answer)
        if code := error_code_in(answer):
            raise self._error(code, parse.read_error_value(answer, self._key))

    def fetch_task(self, task_id: str) -> TaskAnswer:
        """Return the state of a dubbing task; it names the run id once CAMB.AI has made the run.

        Raises ValueError for a malformed task id.
        """
        # Other characters, such as "..", would change the address.
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", task_id):
            raise ValueError("not a task id of CAMB.AI")
        answer = self._send(f"/dub/{task_id}")
        task = parse.read_task(answer, self._hidden)
        if not task.run_id:
            self._check_for_code(answer)
        return task

    def fetch_languages(self) -> list[LanguageAnswer]:
        """Return every language that CAMB.AI dubs from or into, each once."""
        known: dict[int, LanguageAnswer] = {}
        for path in ("/source-languages", "/target-languages"):
            answer = self._send(path)
            self._check_for_code(answer)
            for language in parse.read_languages(answer, self._hidden):
                known.setdefault(language.camb_id, language)
        return list(known.values())

    @cached_property
    def _environment_settings(self) -> Mapping[str, Any]:
        """The proxies and certificates that the environment configures, as keyword arguments of the adapter."""
        session = requests.Session()
        # The environment's proxy leads out of this machine and cannot reach a server on it.
        session.trust_env = self._host not in ("localhost", "127.0.0.1", "::1")
        return session.merge_environment_settings(self._base_url, {}, stream=True, verify=None, cert=None)

    @cached_property
    def _bulk_request(self) -> requests.PreparedRequest:
        """The request about several runs without its body: nearly all calls are this one, and share the rest."""
        request = self._prepare("POST", "/dubbing-results")
        request.headers["Content-Type"] = "application/json"
        return request

    def _about(self, run_ids: Sequence[int]) -> requests.PreparedRequest:
        """Return the request about these runs; `PreparedRequest.copy` would take longer than all else here."""
        request = copy(self._bulk_request)
        request.body = json.dumps({"run_ids": list(run_ids)}).encode()
        request.headers = self._bulk_request.headers.copy()
        request.headers["Content-Length"] = str(len(request.body))
        return request

    def _prepare(self, method: str, path: str) -> requests.PreparedRequest:
        # Without a session, which would add a password from ~/.netrc.
        return requests.Request(method, self._base_url + path, HEADERS, auth=self._sign).prepare()

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["x-api-key"] = self._key
        return request

    def _send(self, path: str = "", run_ids: Sequence[int] = ()) -> object:
        """Return the decoded JSON of one call's answer: about this path, or about several runs."""
        if not re.fullmatch("[!-~]+", self._key):
            raise Refused(
                gettext("This key contains characters that a key cannot have. Paste it again under Team, Key.")
            )
        self._adapter.deadline = monotonic() + self._total_seconds
        try:
            request = self._about(run_ids) if run_ids else self._prepare("GET", path)
            # By the adapter: a session would follow redirects, and forward x-api-key to any other host.
            with self._adapter.send(request, timeout=self._timeout, **self._environment_settings) as response:
                if 200 <= response.status_code < 300:
                    body = self._read(response)
                else:
                    raise self._error_for(response)
        # ValueError: a part of the body of a negative size.
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            sentence, setting = self._explain_network_error(error)
            raise Unavailable(sentence, setting=setting) from error
        return parse.decode(body)

    def _read(self, response: requests.Response) -> bytes:
        body = bytearray()
        for piece in response.iter_content(64 * 1024):
            body += piece
            if len(body) > self._max_bytes:
                raise Unavailable(
                    gettext("CAMB.AI's answer is larger than %(n)s MB and was not read. Dubroom tries again later.")
                    % {"n": f"{self._max_bytes / 2**20:g}"},
                    http_status=response.status_code,
                )
        return bytes(body)

    def _error_for(self, response: requests.Response) -> Unavailable | Refused:
        """Return the error for a status code; the body, which may be broken, only adds CAMB.AI's message."""
        try:
            body = next(response.iter_content(MAX_ERROR_BODY), b"")
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError):
            body = b""
        message = parse.read_error_message(body, self._key)
        return self._error(response.status_code, message, _retry_after(response.headers.get("Retry-After")))

    def _error(self, code: int, message: str, retry_after: int | None = None) -> Unavailable | Refused:
        """Return the error for a code, be it the answer's status or the one in a body that came with 200."""
        kind = Refused if 400 <= code < 500 and code not in TRANSIENT_4XX else Unavailable
        setting = ""
        if 300 <= code < 400 and code != 304:  # "not modified" leads nowhere
            sentence = gettext("CAMB.AI's address redirects elsewhere, where the API key is not sent.")
            sentence, setting = f"{sentence} {ASK_THE_ADMINISTRATOR}", "CAMB_BASE_URL"
        elif kind is Unavailable:
            sentence = gettext("Something went wrong at CAMB.AI. Dubroom tries again later.")
        else:
            sentence = gettext("CAMB.AI did not accept the request.")
        sentence = str(SENTENCES.get(code, sentence)).removesuffix(".")
        sentence = gettext("%(sentence)s (HTTP %(code)s).") % {"sentence": sentence, "code": code}
        if message:
            sentence += f" {quote_message(message)}"
        return kind(sentence, http_status=code, retry_after=retry_after, setting=setting)

    def _explain_network_error(self, error: Exception) -> tuple[str, str]:
        """Return a sentence for a network failure, and the setting to check, empty if none is at fault.

        The exception's own text may hold addresses with passwords, so none of it is quoted.
        """
        again, named = gettext("Dubroom tries again later."), {"host": self._host}
        if isinstance(error, requests.exceptions.SSLError):
            sentence = gettext("CAMB.AI's server at %(host)s has no certificate that can be trusted.") % named
            return f"{sentence} {again}", ""
        if isinstance(error, requests.exceptions.ProxyError):
            sentence = gettext("The proxy to CAMB.AI's server at %(host)s does not work.") % named
            return f"{sentence} {ASK_THE_ADMINISTRATOR}", "HTTPS_PROXY"
        if isinstance(error, _ERRORS_OF_THE_ADDRESS):
            sentence = gettext("This server has no usable address for CAMB.AI.")
            return f"{sentence} {ASK_THE_ADMINISTRATOR}", "CAMB_BASE_URL"
        # While the body is read, requests wraps a time-out in a ConnectionError.
        stalled = any(isinstance(cause, urllib3.exceptions.ReadTimeoutError) for cause in error.args)
        if stalled or isinstance(error, requests.Timeout):
            sentence = gettext("CAMB.AI's server at %(host)s did not answer in time.") % named
            return f"{sentence} {again}", ""
        if isinstance(error, _ERRORS_OF_THE_ANSWER):
            sentence = gettext("The answer of CAMB.AI's server at %(host)s was incomplete.") % named
            return f"{sentence} {again}", ""
        sentence = gettext("CAMB.AI's server at %(host)s could not be reached.") % named
        return f"{sentence} {again}", "CAMB_BASE_URL"


def _retry_after(header: str | None) -> int | None:
    """Return the seconds of a Retry-After header, 0 to 900, given as seconds or as a date; None if unreadable."""
    header = (header or "").strip()
    if re.fullmatch("[0-9]+", header):
        return int(min(float(header), MAX_RETRY_AFTER))
    try:
        retry_at = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    if retry_at.tzinfo is None:
        retry_at = retry_at.replace(tzinfo=UTC)
    return min(max(math.ceil((retry_at - datetime.now(UTC)).total_seconds()), 0), MAX_RETRY_AFTER)
