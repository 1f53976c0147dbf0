"""The sample runs of the stand-in: the dubs in `demo/samples/`, in the form of CAMB.AI's answers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Sign = Callable[[str], str]
Clock = Callable[[], float]

SAMPLES_DIR = Path(__file__).parent / "samples"
LANGUAGES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "languages.json").read_bytes())


def _load() -> list[dict[str, Any]]:
    """Read the sample files, in the order of their run ids.

    Each file holds `run_id`, `title`, and `answer` as CAMB.AI gives it, with file names in place of URLs. Without
    `answer`, CAMB.AI does not know the run. With `ready_after`, the answer is `meanwhile` until that many seconds
    after the first request.
    """
    return sorted(
        (json.loads(path.read_bytes()) for path in SAMPLES_DIR.glob("*.json")),
        key=lambda sample: sample["run_id"],
    )


_SAMPLES = _load()
DEMO_RUN_IDS: list[int] = [sample["run_id"] for sample in _SAMPLES]
DEMO_TITLES: dict[int, str] = {sample["run_id"]: sample["title"] for sample in _SAMPLES}


def sample_runs(clock: Clock) -> dict[int, Callable[[Sign], object]]:
    """Return the behaviour of every sample run by its id; each call starts the waiting runs anew."""
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
