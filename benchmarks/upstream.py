"""The stand-in CAMB.AI of the benchmarks, in a process of its own so that it takes no time from the measured ones.

The process prints its address. For each line on its standard input ({"answer": …, "latency": seconds}) it prints
the counts of the calls since the previous line; from then on it gives that answer for every run.
"""

import json
import signal
import sys
from collections import Counter

from demo.server import StandIn


def tally(camb: StandIn) -> dict[str, int]:
    """Return the counts of the calls since the last tally, and reset them."""
    calls, camb.calls = camb.calls, []
    peak, camb.peak_open = camb.peak_open, 0
    requested = Counter(run_id for call in calls for run_id in call.run_ids or [])
    gets = [call.path for call in calls if call.method == "GET"]
    # Fetched once a day, in a benchmark by its first worker: they are no calls of a sweep.
    lists = sum(path.endswith("-languages") for path in gets)
    return {
        "bulk": sum(call.method == "POST" for call in calls),
        "single": len(gets) - lists,
        "lists": lists,
        "twice": sum(count > 1 for count in requested.values()),
        "peak": peak,
    }


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the end of the pipe stops this process, not Ctrl-C
    with StandIn(keys=["bench-key"]) as camb:
        print(camb.base_url, flush=True)
        for line in sys.stdin:
            print(json.dumps(tally(camb)), flush=True)
            settings = json.loads(line)
            camb.unknown, camb.latency = settings["answer"], settings["latency"]


if __name__ == "__main__":
    main()
