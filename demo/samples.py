"""Which runs does the stand-in know? The sample dubs of `demo/samples/`, as CAMB.AI would answer for them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Sign = Callable[[str], str]
Clock = Callable[[], float]

SAMPLES_DIR = Path(__file__).parent / "samples"
LANGUAGES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "languages.json").read_bytes())


def _load() -> list[dict[str, Any]]:
    """Each file: `run_id`, `title`, and `answer` as CAMB.AI gives it, with file names where it has URLs.

    No `answer`: CAMB.AI does not know the run. `ready_after`: that many seconds after it was first asked for,
    the answer comes; until then it is `meanwhile`.
    """
    return sorted(
        (json.loads(path.read_bytes()) for path in SAMPLES_DIR.glob("*.json")),
        key=lambda sample: sample["run_id"],
    )


_SAMPLES = _load()
DEMO_RUN_IDS: list[int] = [sample["run_id"] for sample in _SAMPLES]
DEMO_TITLES: dict[int, str] = {sample["run_id"]: sample["title"] for sample in _SAMPLES}


def sample_runs(clock: Clock) -> dict[int, Callable[[Sign], object]]:
    """The behaviour of every sample run; each call starts the waiting ones anew."""
    return {sample["run_id"]: _behaviour(sample, clock) for sample in _SAMPLES if "answer" in sample}


def _behaviour(sample: dict[str, Any], clock: Clock) -> Callable[[Sign], object]:
    first_asked_at: float | None = None

    def answer(sign: Sign) -> object:
        nonlocal first_asked_at
        if first_asked_at is None:
            first_asked_at = clock()
        if clock() - first_asked_at < sample.get("ready_after", 0):
            return sample["meanwhile"]
        return _with_urls(sample["answer"], sign)

    return answer


def _with_urls(value: Any, sign: Sign) -> Any:
    match value:
        case dict():
            return {
                key: sign(item) if key.endswith("_url") and item else _with_urls(item, sign)
                for key, item in value.items()
            }
        case _:
            return value
