"""Measures pages of others while one address holds many connections and sends nothing.

    python -m benchmarks.idle_connections [--connections 6000] [--seconds 15]

The web server is granian as the Procfile starts it. The idle ones come from 127.0.0.1, the pages are asked for from
127.0.0.2, which macOS does not have.
"""

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time

from benchmarks import servers
from benchmarks.timing import percentiles

PAGE = b"GET /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
TIMEOUT_S = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--connections", type=int, default=6000)
    parser.add_argument("--seconds", type=float, default=15.0)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DUBROOM_DATA_DIR": folder, "DEMO": "0"}
        for command in (["migrate"], ["collectstatic", "--noinput"]):
            subprocess.run([sys.executable, "manage.py", *command, "--verbosity=0"], check=True)
        with servers.granian() as address:
            asyncio.run(measure(address, options.connections, options.seconds))


async def measure(address: str, connections: int, seconds: float) -> None:
    """Print how long the pages took, and how many were answered within TIMEOUT_S."""
    for _ in range(4):
        await page(address)  # the first one in each process loads templates
    deadline = time.monotonic() + seconds
    idle = [asyncio.create_task(hold(address)) for _ in range(connections)]
    await asyncio.sleep(1)
    taken = []
    while time.monotonic() < deadline:
        taken.append(await page(address))
        await asyncio.sleep(0.2)
    for task in idle:
        task.cancel()
    answered = [milliseconds for milliseconds in taken if milliseconds is not None]
    print(f"{len(answered)} of {len(taken)} pages answered")
    if answered:
        print(f"{percentiles(answered)} ms, at most {max(answered):.0f} ms")


async def hold(address: str) -> None:
    """Hold a connection, and a new one whenever the server closes it."""
    while True:
        reader, writer = await connect(address, "127.0.0.1")
        await reader.read()
        writer.close()


async def page(address: str) -> float | None:
    """Return the milliseconds until the log-in page is here, or None after TIMEOUT_S."""

    async def ask() -> None:
        reader, writer = await connect(address, "127.0.0.2")
        writer.write(PAGE)
        await reader.read()
        writer.close()

    before = time.perf_counter()
    try:
        await asyncio.wait_for(ask(), TIMEOUT_S)
    except TimeoutError:
        return None
    return 1000 * (time.perf_counter() - before)


async def connect(address: str, source: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = address.partition(":")
    return await asyncio.open_connection(host, int(port), local_addr=(source, 0))


if __name__ == "__main__":
    main()
