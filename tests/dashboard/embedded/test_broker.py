"""The embedded broker delivers each message to exactly one consumer, whichever process dies on the way."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from kombu import Connection, Consumer, Queue
from kombu.exceptions import OperationalError
from kombu.transport import TRANSPORT_ALIASES

from dashboard.embedded import broker
from tests.waiting import until

REPOSITORY = Path(__file__).parents[3]
DEADLINE_S = 30

Connect = Callable[[], Connection]


@pytest.fixture(autouse=True)
def folder_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TRANSPORT_ALIASES, "folder", "dashboard.embedded.broker:Transport")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "a broker"


@pytest.fixture
def connect(root: Path) -> Iterator[Connect]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(Connection(url_of(root)))


@pytest.fixture
def eager_orphan_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for messages of dead processes at every poll."""
    monkeypatch.setattr(broker, "ORPHAN_CHECK_SECONDS", 0)


def url_of(root: Path) -> str:
    return f"folder://{quote(str(root))}"


def put(connection: Connection, *bodies: object, queue: str = "work", **options: Any) -> None:
    producer = connection.Producer()
    for body in bodies:
        producer.publish(body, routing_key=queue, **options)


def channel(connection: Connection) -> Any:
    return connection.default_channel


def take(connection: Connection, queue: str = "work", **options: Any) -> Any:
    return channel(connection).basic_get(queue, **options)


def take_all(connection: Connection, queue: str = "work") -> list[object]:
    messages = list(iter(lambda: take(connection, queue), None))
    for message in messages:
        message.ack()
    return [message.decode() for message in messages]


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != broker.LOCK]


# Celery lets variables of these names override a throwaway app's configuration.
ENVIRONMENT = {
    name: os.environ[name] for name in os.environ if not name.startswith(("BROKER_", "CELERY_", "DJANGO_"))
}


@contextmanager
def process(*command: str, cwd: Path = REPOSITORY) -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(
        [sys.executable, *command],
        cwd=cwd,
        env=ENVIRONMENT | {"PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with running:
        try:
            yield running
        finally:
            running.kill()


PRELUDE = """
import os, signal, socket, sys
from pathlib import Path
from kombu import Connection, Consumer, Queue
from kombu.transport import TRANSPORT_ALIASES
TRANSPORT_ALIASES["folder"] = "dashboard.embedded.broker:Transport"
connection = Connection(sys.argv[1])
producer = connection.Producer()
"""

TAKE_ONE_AND_HANG = """
print(connection.default_channel.basic_get("work").decode(), flush=True)
sys.stdin.read()
"""

DIE_WRITING = """
producer.publish("whole", routing_key="work")
Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
producer.publish("half", routing_key="work")
"""

PRODUCE = """
for number in range(int(sys.argv[3])):
    producer.publish(f"{sys.argv[2]} {number}", routing_key="work")
"""

CONSUME_UNTIL_STDIN_CLOSES = """
import threading
closed = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), closed.set()), daemon=True).start()
def done(body, message):
    print(body)
    message.ack()
with Consumer(connection, [Queue("work")], callbacks=[done], prefetch_count=4):
    while True:
        was_closed = closed.is_set()
        try:
            connection.drain_events(timeout=0.05)
        except socket.timeout:
            if was_closed:
                break
"""


def test_message_arrives_and_leaves_nothing_behind(connect: Connect, root: Path):
    put(connect(), {"run_ids": [1, 2]})

    message = take(connect())

    assert message.decode() == {"run_ids": [1, 2]}
    message.ack()
    assert files(root) == []


def test_oldest_message_comes_first_across_producers(connect: Connect):
    one, other = connect(), connect()
    put(one, "first")
    put(other, "second")
    put(one, "third")

    assert take_all(connect()) == ["first", "second", "third"]


def test_queues_are_separate_and_stay_inside_the_folder(connect: Connect, root: Path, tmp_path: Path):
    connection = connect()
    names = ["work", "..", "../work", "team@work", ".", "ünï/code"]
    for name in names:
        put(connection, name, queue=name)

    assert list(tmp_path.iterdir()) == [root]
    assert [take_all(connection, name) for name in names] == [[name] for name in names]


def test_message_goes_to_one_of_two_consumers(connect: Connect):
    quick, slow = connect(), connect()
    put(quick, 1, 2)
    assert take(slow).decode() == 1  # by now this consumer has listed both

    assert take(quick).decode() == 2
    assert take(slow) is None


def test_unacknowledged_message_stays_with_a_living_consumer(connect: Connect, eager_orphan_check: None):
    holder, other = connect(), connect()
    put(holder, "work")
    take(holder)

    assert take(other) is None


def test_closing_requeues_unacknowledged_messages(connect: Connect, root: Path):
    holder = connect()
    put(holder, 1, 2, 3)
    take(holder).ack()
    take(holder)
    holder.close()

    assert files(root / "held") == []
    assert take_all(connect()) == [2, 3]


def test_message_is_requeued_though_its_queue_was_removed(connect: Connect, root: Path):
    holder = connect()
    put(holder, 1)
    take(holder)
    shutil.rmtree(root / "waiting")
    holder.close()

    assert take_all(connect()) == [1]


def test_message_acknowledged_while_it_is_requeued_is_not_delivered_again(connect: Connect, root: Path):
    connection = connect()
    put(connection, 1)
    message = take(connection)
    message.ack()
    broker.Folder(root).requeue(root / "held" / message.delivery_tag)

    assert take(connection) is None


def test_acknowledging_after_closing_is_harmless(connect: Connect):
    holder = connect()
    put(holder, 1)
    message = take(holder)
    holder.close()
    message.ack()

    assert take_all(connect()) == [1]


def test_rejected_message_is_requeued_or_dropped(connect: Connect, root: Path):
    connection = connect()
    put(connection, "again", "never")
    take(connection).reject(requeue=True)
    take(connection).reject()

    assert take_all(connection) == ["again"]
    assert files(root) == []


def test_message_taken_without_acknowledgement_does_not_come_back(connect: Connect):
    connection = connect()
    put(connection, 1, 2)
    received = [take(connection, no_ack=True).decode()]
    with Consumer(connection, [Queue("work")], callbacks=[lambda body, _: received.append(body)], no_ack=True):
        connection.drain_events(timeout=DEADLINE_S)
    connection.close()

    assert received == [1, 2]
    assert take_all(connect()) == []


def test_purge_counts_and_removes_waiting_messages(connect: Connect):
    connection = connect()
    put(connection, 1, 2, 3)
    held = take(connection)
    put(connection, "kept", queue="other")

    assert channel(connection).queue_declare("work").message_count == 2
    assert channel(connection).queue_purge("work") == 2
    assert channel(connection).queue_declare("work").message_count == 0
    assert take(connection) is None
    held.reject(requeue=True)
    assert take_all(connection) == [1]
    assert take_all(connection, "other") == ["kept"]


def test_purging_an_unknown_queue_removes_nothing(connect: Connect):
    assert channel(connect()).queue_purge("unknown") == 0


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\xff\xfe",
        b'{"body": "half a mess',
        b"null",
        b"[]",
        b"{}",
        b'{"properties": {"body_encoding": "rot13"}, "body": "x"}',
        b'{"properties": {"body_encoding": "base64"}, "body": "x"}',
        b"[" * 100_000,
    ],
)
def test_malformed_message_is_set_aside_and_the_next_is_delivered(connect: Connect, root: Path, garbage: bytes):
    connection = connect()
    put(connection, "before")
    (root / "waiting" / "work" / "20").write_bytes(garbage)
    put(connection, "after")

    assert take_all(connection) == ["before", "after"]
    (refused,) = files(root)
    assert refused == root / "refused" / "20@work"
    assert refused.read_bytes() == garbage


def test_directory_among_the_messages_is_set_aside(connect: Connect, root: Path):
    connection = connect()
    put(connection, "message")
    (root / "waiting" / "work" / "0").mkdir()

    assert take_all(connection) == ["message"]
    assert [path.name for path in (root / "refused").iterdir()] == ["0@work"]


def test_producer_on_a_full_disk_gets_an_error_and_leaves_no_half_message(connect: Connect, root: Path):
    connection = connect()
    put(connection, "before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, hard))  # like a disk with room for 50 bytes
    try:
        with pytest.raises(OperationalError, match="File too large"):
            put(connection, "too much", retry=True, retry_policy={"max_retries": 1, "interval_start": 0})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    put(connection, "after")

    assert len(files(root)) == 2
    assert take_all(connection) == ["before", "after"]


def test_emptied_folder_is_a_connection_error_until_the_consumer_reconnects(connect: Connect, root: Path):
    consumer, producer = connect(), connect()
    put(consumer, "lost")
    take(consumer)
    shutil.rmtree(root)
    put(producer, "kept")

    with pytest.raises(consumer.connection_errors):
        take(consumer)
    consumer.close()
    assert take_all(consumer) == ["kept"]


def test_producer_survives_an_emptied_folder(connect: Connect, root: Path):
    producer = connect()
    put(producer, "lost")
    shutil.rmtree(root)
    with pytest.raises(producer.connection_errors):
        put(producer, "lost too")
    put(producer, "kept")
    assert take_all(connect()) == ["kept"]


@pytest.mark.parametrize("url", ["folder://", "folder:///", "folder://var/broker"])
def test_url_without_an_absolute_path_is_refused(url: str):
    with pytest.raises(ValueError, match="three slashes"):
        Connection(url).connect()


def test_idle_drain_ends_early_so_that_a_worker_sees_its_signals(connect: Connect):
    connection = connect()
    started = time.monotonic()
    with Consumer(connection, [Queue("work")]), pytest.raises(TimeoutError):
        connection.drain_events(timeout=DEADLINE_S)

    assert time.monotonic() - started < DEADLINE_S / 2


def test_message_of_a_killed_consumer_goes_to_another(connect: Connect, root: Path, eager_orphan_check: None):
    survivor = connect()
    put(survivor, "work")
    with process("-c", PRELUDE + TAKE_ONE_AND_HANG, url_of(root)) as consumer:
        assert consumer.stdout is not None
        assert consumer.stdout.readline() == "work\n"
        assert take(survivor) is None
        consumer.kill()
        consumer.wait()

        assert take_all(survivor) == ["work"]
    assert files(root) == []


def test_half_message_of_a_killed_producer_is_never_delivered(connect: Connect, root: Path):
    with process("-c", PRELUDE + DIE_WRITING, url_of(root)) as producer:
        assert producer.wait(DEADLINE_S) == -signal.SIGKILL
    assert len(files(root / "held")) == 1

    assert take_all(connect()) == ["whole"]
    assert files(root) == []


def test_three_producers_and_two_consumers_lose_and_duplicate_nothing(root: Path):
    with ExitStack() as stack:
        consumers = [
            stack.enter_context(process("-c", PRELUDE + CONSUME_UNTIL_STDIN_CLOSES, url_of(root))) for _ in range(2)
        ]
        producers = [
            stack.enter_context(process("-c", PRELUDE + PRODUCE, url_of(root), name, "300")) for name in "abc"
        ]
        assert [producer.wait(DEADLINE_S) for producer in producers] == [0, 0, 0]
        received = [line for consumer in consumers for line in consumer.communicate()[0].splitlines()]

    assert sorted(received) == sorted(f"{name} {number}" for name in "abc" for number in range(300))
    assert files(root) == []


APP = """
import os, signal
from pathlib import Path
from celery import Celery
from kombu.transport import TRANSPORT_ALIASES
TRANSPORT_ALIASES["folder"] = "dashboard.embedded.broker:Transport"
app = Celery("once", broker={url!r})
app.conf.update(task_acks_late=True, task_ignore_result=True, worker_prefetch_multiplier=1)

@app.task
def die_the_first_time(log):
    with Path(log).open("a") as file:
        file.write("started\\n")
    if Path(log).read_text() == "started\\n":
        os.kill(os.getpid(), signal.SIGKILL)
    with Path(log).open("a") as file:
        file.write("finished\\n")
"""


@pytest.mark.worker
def test_task_of_a_killed_celery_worker_runs_again_in_the_next(root: Path, tmp_path: Path):
    (tmp_path / "once.py").write_text(APP.format(url=url_of(root)))
    worker = ("-m", "celery", "-A", "once", "worker", "-P", "threads", "-c", "2")
    log = tmp_path / "log"
    with process("-c", "import once; once.die_the_first_time.delay('log')", cwd=tmp_path) as producer:
        assert producer.wait(DEADLINE_S) == 0

    with process(*worker, cwd=tmp_path) as killed:
        assert killed.wait(DEADLINE_S) == -signal.SIGKILL
    with process(*worker, cwd=tmp_path) as survivor:
        until(lambda: log.read_text().endswith("finished\n"))
        survivor.terminate()
        assert survivor.wait(DEADLINE_S) == 0

    assert log.read_text() == "started\nstarted\nfinished\n"
    assert files(root) == []
