"""Starts, supervises and stops Dubroom's processes together.

The commands come from the Procfile. Each runs in a session of its own, so that Ctrl-C in the terminal reaches only
this process, and so that a process which dies without stopping its children can be cleared away with them. One that
ends is started again, with an exponential backoff while it keeps ending; the others run on. If this process is
killed itself, the reaper, which waits in a few lines of shell, stops all of them.

`manage.py start` becomes this module once everything is prepared: run as a script it needs neither Django nor its
memory.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, TextIO

STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A worker saves the answers of calls under way, which take up to CAMB_TOTAL_SECONDS and the time to connect.
GRACE_S = 75
# A process that ends is started again after a pause that doubles each time, unless it had run for a minute.
FIRST_BACKOFF_S, MAX_BACKOFF_S = 1.0, 60.0
STEADY_S = 60
# Reads the name and the process group of each process that starts, until this process is gone, however it went:
# then its end of the pipe is closed. Only the newest group of a name counts, as old numbers go to other processes.
REAPER_PAUSE_S = 0.2
REAPER = """
while read -r name group; do eval "$name=-$group"; done
kill -s TERM -- {groups}
is_any_left() {{ for group in {groups}; do kill -s 0 -- "$group" && return; done; false; }}
looks={looks}; while [ $looks -gt 0 ] && is_any_left; do sleep {pause}; looks=$((looks - 1)); done
kill -s KILL -- {groups}
"""


def commands(procfile: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the commands that the Procfile gives these names."""
    lines = (line.partition(":") for line in procfile.read_text().splitlines())
    known = {name.strip(): command.strip() for name, _, command in lines}
    return {name: known[name] for name in names}


def run(commands: Mapping[str, str], env: Mapping[str, str], once_started: Callable[[], Awaitable[None]]) -> None:
    """Run the commands until a signal asks them to stop, and start those again that end.

    Nothing is left running when this returns. All are asked to stop; what still runs after a grace period, or at a
    second signal, is killed.
    """
    asyncio.run(_run(commands, env, once_started))


async def _run(
    commands: Mapping[str, str], env: Mapping[str, str], once_started: Callable[[], Awaitable[None]]
) -> None:
    stopping, hurried = asyncio.Event(), asyncio.Event()
    for number in STOPPING_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(
            number, lambda: (hurried if stopping.is_set() else stopping).set()
        )
    reaper, writing = await _start_reaper(commands)
    processes: dict[str, Process] = {}

    async def supervise(name: str, command: str) -> None:
        pause = FIRST_BACKOFF_S
        while True:
            started = monotonic()
            try:
                process = processes[name] = await _start(name, command, env, writing)
            except OSError as error:  # for a while there may be no memory, process or open file to be had
                what_happened = f"could not be started ({error.strerror})"
            else:
                what_happened = "ended"
                if stopping.is_set():  # the signal came while there was nothing to stop yet
                    _kill_group(process)
                await process.wait()
                if stopping.is_set():
                    return
                _kill_group(process)  # its children may hold its port
            if monotonic() - started >= STEADY_S:
                pause = FIRST_BACKOFF_S
            _say(
                f"The process {name!r} {what_happened} and is started again in {pause:g} s.", "warning", sys.stderr
            )
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)
                return
            pause = min(2 * pause, MAX_BACKOFF_S)

    ends = [asyncio.create_task(supervise(name, command), name=name) for name, command in commands.items()]
    try:
        greeting = asyncio.ensure_future(once_started())
        await stopping.wait()
        greeting.cancel()
    finally:
        stopping.set()
        await _stop(processes.values(), ends, hurried)
        _kill_group(reaper)
        os.close(writing)
        await reaper.wait()


async def _start(name: str, command: str, env: Mapping[str, str], writing: int) -> Process:
    """Start a process, which tells the reaper its group before it begins: we may be gone by the time we could."""
    return await asyncio.create_subprocess_shell(
        f"echo {name} $$ >&0; exec </dev/null; exec {command}", env=env, stdin=writing, start_new_session=True
    )


async def _start_reaper(names: Iterable[str]) -> tuple[Process, int]:
    """Start the reaper of the processes of these names; return it and the open file to write to it."""
    reading, writing = os.pipe()
    groups = " ".join(f"${name}" for name in names)
    script = REAPER.format(groups=groups, looks=round(GRACE_S / REAPER_PAUSE_S), pause=REAPER_PAUSE_S)
    reaper = await asyncio.create_subprocess_exec(
        "sh", "-c", script, stdin=reading, stderr=DEVNULL, start_new_session=True
    )
    os.close(reading)
    return reaper, writing


async def _stop(processes: Iterable[Process], ends: Iterable["asyncio.Task[None]"], hurried: asyncio.Event) -> None:
    """Ask the processes to stop, and kill what still runs after the grace period or once hurried."""
    for process in processes:
        with suppress(ProcessLookupError):
            process.terminate()
    all_ended: asyncio.Future[Any] = asyncio.gather(*ends)
    hurry: asyncio.Future[Any] = asyncio.ensure_future(hurried.wait())
    await asyncio.wait({all_ended, hurry}, timeout=GRACE_S, return_when=asyncio.FIRST_COMPLETED)
    for process in processes:
        _kill_group(process)
    await asyncio.gather(*ends)


def _kill_group(process: Process) -> None:
    with suppress(ProcessLookupError, PermissionError):  # the group is gone; macOS reports that in its own way
        os.killpg(process.pid, signal.SIGKILL)


def _say(text: str, level: str, file: TextIO) -> None:
    """Print the text; with LOG_FORMAT=json as an object in one line, with the fields of the log's lines."""
    if os.environ.get("LOG_FORMAT") == "json":
        fields = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "level": level,
            "logger": "dashboard.embedded.supervisor",
            "message": " ".join(text.split()),
            "process": os.getpid(),
        }
        text = json.dumps(fields, ensure_ascii=False)
    print(text, file=file, flush=True)


def main(host: str, port: str, procfile: str, *names: str) -> None:
    """Run these processes, and print the GREETING as soon as the port answers, or the socket of that path.

    Without a host there is no web server to wait for.
    """
    greeting = os.environ.pop(
        "GREETING"
    )  # as an argument, its password would be readable by every user of the machine

    async def greet() -> None:
        while host:
            try:
                if host.startswith("/"):
                    _, writer = await asyncio.open_unix_connection(host)
                else:
                    _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                break
        _say(greeting, "info", sys.stdout)

    run(commands(Path(procfile), names), os.environ, greet)


if __name__ == "__main__":
    main(*sys.argv[1:])
