"""Measures pages of others while many clients send forms a byte a second.

    python -m benchmarks.slow_senders [--senders 200] [--seconds 15]

The web server is granian as the Procfile starts it. Senders and readers share the loopback address, so they share
the limits of one address, too: a reader's prompt form must come through all the same.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter

from benchmarks import servers
from benchmarks.timing import percentiles

FORM = "login=a%40example.org&password=x"
HEAD = (
    "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: csrftoken=abcdefghijklmnopqrstuvwxyz123456\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
)
LOG_IN = "/accounts/login/"
READER_TIMEOUT_S = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--senders", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=15.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DUBROOM_DATA_DIR": folder, "DEMO": "0"}
        for command in (["migrate"], ["collectstatic", "--noinput"]):
            subprocess.run([sys.executable, "manage.py", *command, "--verbosity=0"], check=True)
        with servers.granian() as address:
            asyncio.run(measure(address, options.senders, options.seconds))


async def measure(address: str, senders: int, seconds: float) -> None:
    """Print how long the readers' requests took, and how the senders' ended."""
    for path in (LOG_IN, "/health/"):
        await request(address, "GET", path)  # the first one loads templates
    ends: Counter[str] = Counter()
    sending = [asyncio.create_task(send_slowly(address, ends)) for _ in range(senders)]
    deadline = time.monotonic() + seconds
    times: dict[str, list[float]] = {}
    while time.monotonic() < deadline:
        for method, path in (("GET", LOG_IN), ("GET", "/health/"), ("POST", LOG_IN)):
            started = time.perf_counter()
            status = await request(address, method, path, FORM if method == "POST" else "")
            times.setdefault(f"{method} {path} {status}", []).append(1000 * (time.perf_counter() - started))
        await asyncio.sleep(0.2)
    for task in sending:
        task.cancel()
    for what, taken in times.items():
        print(f"{what:<28}{percentiles(taken)} ms, at most {max(taken):.0f} ms")
    print("slow senders:", dict(ends), "without an answer:", senders - ends.total())


async def send_slowly(address: str, ends: Counter[str]) -> None:
    """Send a form a byte a second until it is answered, and count the answer."""
    reader, writer = await connect(address)
    writer.write(HEAD.format(method="POST", path=LOG_IN, length=60_000).encode())
    answer = asyncio.create_task(reader.read(12))
    while not answer.done():
        writer.write(b"a")
        await asyncio.sleep(1)
    ends[answer.result()[9:].decode() or "closed"] += 1


async def request(address: str, method: str, path: str, body: str = "") -> str:
    """Return the status of a request that is sent at once."""

    async def ask() -> str:
        reader, writer = await connect(address)
        writer.write((HEAD.format(method=method, path=path, length=len(body)) + body).encode())
        status = (await reader.read())[9:12].decode()
        writer.close()
        return status

    try:
        return await asyncio.wait_for(ask(), READER_TIMEOUT_S)
    except TimeoutError:
        return "none"


async def connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = address.partition(":")
    return await asyncio.open_connection(host, int(port))


if __name__ == "__main__":
    main()
