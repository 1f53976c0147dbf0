"""How do Dubroom's processes start, run and stop together?

The commands come from the Procfile. Each runs in a session of its own, so that a Ctrl-C in the terminal reaches
only us, and so that a process which dies without stopping its children can be cleared away with them. A survivor,
which waits in a few lines of shell, does that for us should we be killed ourselves.

`manage.py start` becomes this module once all is prepared: run as a script it needs neither Django nor its memory.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_S = 10
# What ends by itself after so long had begun well, such as a worker that ran out of memory: it is started anew.
WELL_BEGUN_S = 60
# Reads the ids of the groups until we are gone, however we went: then our end of its pipe is closed.
REAPER = f"""
while read -r group; do set -- "$@" "-$group"; done
kill -s TERM -- "$@"; sleep {GRACE_S}; kill -s KILL -- "$@"
"""


def commands(procfile: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the commands that the Procfile gives these names."""
    lines = (line.partition(":") for line in procfile.read_text().splitlines())
    known = {name.strip(): command.strip() for name, _, command in lines}
    return {name: known[name] for name in names}


def run(
    commands: Mapping[str, str], env: Mapping[str, str], once_started: Callable[[], Awaitable[None]]
) -> str | None:
    """Run the commands until a signal asks them to stop (None), or one ends before it had well begun (its name).

    One that ends by itself later is started anew. Nothing is left running when this returns: all are asked to stop,
    and whatever still runs after a grace period, or at a second signal, is killed.
    """
    return asyncio.run(_run(commands, env, once_started))


async def _run(
    commands: Mapping[str, str], env: Mapping[str, str], once_started: Callable[[], Awaitable[None]]
) -> str | None:
    asked, hurried = asyncio.Event(), asyncio.Event()
    for number in STOPPING_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, lambda: (hurried if asked.is_set() else asked).set())
    reading, writing = os.pipe()
    survivor = await asyncio.create_subprocess_exec(
        "sh", "-c", REAPER, stdin=reading, stderr=DEVNULL, start_new_session=True
    )
    os.close(reading)
    processes: dict[str, Process] = {}

    async def keep(name: str, command: str) -> None:
        while True:
            started = monotonic()
            # Each tells the survivor of itself before it begins: we might be gone by the time we could.
            process = processes[name] = await asyncio.create_subprocess_shell(
                f"echo $$ >&0; exec </dev/null; exec {command}", env=env, stdin=writing, start_new_session=True
            )
            if asked.is_set():  # while it was not there to be told
                _kill_group(process)
            await process.wait()
            if asked.is_set() or monotonic() - started < WELL_BEGUN_S:
                return
            _kill_group(process)  # children of it may hold its port
            print(f"The process {name!r} ended by itself and is started anew.", file=sys.stderr)  # noqa: T201

    ends = [asyncio.create_task(keep(name, command), name=name) for name, command in commands.items()]
    try:
        greeting = asyncio.ensure_future(once_started())
        asking: asyncio.Task[Any] = asyncio.create_task(asked.wait())
        ended, _ = await asyncio.wait({asking, *ends}, return_when=asyncio.FIRST_COMPLETED)
        greeting.cancel()
        return None if asking in ended else next(end.get_name() for end in ends if end in ended)
    finally:
        asked.set()
        for process in processes.values():
            with suppress(ProcessLookupError):
                process.terminate()
        all_ended: asyncio.Future[Any] = asyncio.gather(*ends)
        hurry: asyncio.Future[Any] = asyncio.ensure_future(hurried.wait())
        await asyncio.wait({all_ended, hurry}, timeout=GRACE_S, return_when=asyncio.FIRST_COMPLETED)
        for process in (survivor, *processes.values()):
            _kill_group(process)
        os.close(writing)
        await asyncio.gather(survivor.wait(), *ends)


def _kill_group(process: Process) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nobody is left; macOS says it in its own way
        os.killpg(process.pid, signal.SIGKILL)


def main(host: str, port: str, procfile: str, *names: str) -> int:
    """Run these processes, and say the GREETING as soon as the port answers; returns the exit code."""
    greeting = os.environ.pop("GREETING")  # an argument would show its password to everybody on the machine

    async def greet() -> None:
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                break
        print(greeting, flush=True)  # noqa: T201

    ended = run(commands(Path(procfile), names), os.environ, greet)
    if ended:
        print(f"The process {ended!r} ended by itself, so the others were stopped.", file=sys.stderr)  # noqa: T201
    return 1 if ended else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
