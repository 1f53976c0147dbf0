"""What does CAMB.AI answer in a benchmark? A stand-in in a process of its own, so that it takes nobody's time.

It prints its address and then, for each line it reads ({"answer": …, "latency": seconds}), what it was asked since
the line before; from then on it gives that answer about every run.
"""

import json
import signal
import sys
from collections import Counter

from demo.server import StandIn


def tally(camb: StandIn) -> dict[str, int]:
    calls, camb.calls = camb.calls, []
    peak, camb.peak_open = camb.peak_open, 0
    asked = Counter(run_id for call in calls for run_id in call.run_ids or [])
    return {
        "bulk": sum(call.method == "POST" for call in calls),
        "single": sum(call.method == "GET" for call in calls),
        "twice": sum(count > 1 for count in asked.values()),
        "peak": peak,
    }


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with the pipe
    with StandIn(keys=["bench-key"]) as camb:
        print(camb.base_url, flush=True)
        for line in sys.stdin:
            print(json.dumps(tally(camb)), flush=True)
            wanted = json.loads(line)
            camb.unknown, camb.latency = wanted["answer"], wanted["latency"]


if __name__ == "__main__":
    main()
