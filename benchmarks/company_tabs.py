"""The people of `benchmarks.company`: tabs that poll, search and open pages at scheduled times, over asyncio."""

import asyncio
import gzip
import html
import json
import random
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import quote, urlencode

TIMEOUT_S = 60
_POLLER = re.compile(r'id="runs-poller"[^>]*? hx-get="([^"]*)" hx-vals="([^"]*)"')


@dataclass(frozen=True)
class Answer:
    """One request: when it was due in seconds from the start of the load, and what came how late."""

    NO_SERVER: ClassVar = ("refused", "broken off")

    kind: str
    due_s: float
    ms: float
    outcome: str
    has_retry_after: bool = False

    @property
    def is_good(self) -> bool:
        return self.outcome in ("200", "204")

    @property
    def says_when(self) -> bool:
        """Whether the server says that it is busy or away, and when to come back."""
        return self.outcome in ("429", "503") and self.has_retry_after


@dataclass
class Tab:
    """An open list of runs of a signed-in person, with the connection of that browser."""

    port: int
    cookie: str
    slug: str
    runs: list[int]
    poll_path: str = ""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # one request at a time over one connection
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        status, head, body = await self.get(f"/t/{self.slug}/runs/")
        assert status == 200, (status, head)
        self._read_poll_path(head, body)

    def path(self, kind: str, words: Sequence[str]) -> str:
        chosen = quote(random.choice(words))
        return {
            "poll": self.poll_path,
            "list": f"/t/{self.slug}/runs/",
            "run": f"/runs/{random.choice(self.runs)}/",
            "search": f"/t/{self.slug}/search/?q={chosen}",
        }[kind]

    async def request(self, kind: str, words: Sequence[str], due: float, began: float) -> Answer:
        """Send the request, and return how it was answered, timed from when it was due."""
        has_retry_after = False
        try:
            async with asyncio.timeout(TIMEOUT_S):
                status, head, body = await self.get(self.path(kind, words))
            outcome, has_retry_after = str(status), b"retry-after:" in head
            if kind == "poll" and status == 200:
                self._read_poll_path(head, body)
        except TimeoutError:
            self._hang_up()
            outcome = "no answer"
        except ConnectionRefusedError:
            outcome = "refused"
        except (OSError, asyncio.IncompleteReadError):
            outcome = "broken off"
        return Answer(kind, due, (time.perf_counter() - began - due) * 1000, outcome, has_retry_after)

    async def get(self, path: str) -> tuple[int, bytes, bytes]:
        """Return status, head and body, which is left compressed: the sender shares the cores with the server."""
        async with self._lock:
            is_old = self._writer is not None
            try:
                return await self._get(path)
            except (ConnectionResetError, BrokenPipeError, asyncio.IncompleteReadError):
                self._hang_up()
                if not is_old:
                    raise
                # The server closed a connection that was idle for long. A browser repeats the request over a new
                # one.
                return await self._get(path)

    async def _get(self, path: str) -> tuple[int, bytes, bytes]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: {self.cookie}\r\n"
            "Accept-Encoding: gzip\r\n\r\n".encode()
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        body = b""
        if b"transfer-encoding: chunked" in head:
            while size := int(await self._reader.readuntil(b"\r\n"), 16):
                body += (await self._reader.readexactly(size + 2))[:-2]
            await self._reader.readexactly(2)
        elif length := re.search(rb"content-length: (\d+)", head):
            body = await self._reader.readexactly(int(length[1]))
        if b"connection: close" in head:
            self._hang_up()
        return status, head, body

    def _hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    def _read_poll_path(self, head: bytes, body: bytes) -> None:
        """Take the address of the next poll from the page, as htmx does."""
        page = (gzip.decompress(body) if b"content-encoding: gzip" in head else body).decode()
        if found := _POLLER.search(page):
            address, values = map(html.unescape, found.groups())
            self.poll_path = f"{address.rstrip('?')}{'&' if '=' in address else '?'}{urlencode(json.loads(values))}"


class Load:
    """Sends polls of all tabs evenly, and searches, lists and runs; `rates` are those of each kind a second."""

    def __init__(self, tabs: Sequence[Tab], words: Sequence[str], rates: Mapping[str, float]) -> None:
        self._tabs, self._words, self._rates = tabs, words, rates

    async def run(self, seconds: float, *, times: float = 1, then_seconds: float = 0) -> list[Answer]:
        """Send the load for so long, `times` over, then as usual for `then_seconds`; return all answers."""
        schedule = sorted(
            [
                *self._due(0, seconds, times),
                *self._due(seconds, then_seconds, 1),
            ]
        )
        began = time.perf_counter()
        tasks = []
        for number, (due, kind) in enumerate(schedule):
            await asyncio.sleep(max(0.0, began + due - time.perf_counter()))
            # Polls go round all tabs; whoever searches or opens a page is anyone.
            tab = self._tabs[number % len(self._tabs)] if kind == "poll" else random.choice(self._tabs)
            tasks.append(asyncio.create_task(tab.request(kind, self._words, due, began)))
        return list(await asyncio.gather(*tasks))

    def _due(self, start: float, seconds: float, times: float) -> list[tuple[float, str]]:
        return [
            (start + number / (rate * times), kind)
            for kind, rate in self._rates.items()
            for number in range(int(seconds * rate * times))
        ]


async def ask(port: int, path: str) -> int:
    """Return the status of a page for a visitor; 0 without an answer."""
    tab = Tab(port, "", "", [])
    status = 0
    with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
        async with asyncio.timeout(5):
            status, _headers, _body = await tab.get(path)
    tab._hang_up()
    return status
