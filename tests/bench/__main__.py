"""`make bench`: every measurement, one JSON line a metric; `python -m tests.bench NAME…` for some.

Times are of one machine at one moment; on a shared one only ratios within a run mean much.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

#: Modules beside this one; each has measure(folder), an iterator of (metric, value, unit).
BENCHES = (
    "imports",
    "snapshot",
    "latency",
    "throughput",
    "calls",
    "environments",
    "messaging",
    "tracking",
    "batch",
    "idle",
    "schedules",
    "watching",
    "restart",
    "validate",
    "demo",
)
#: And those that only run when named: they install what Retrain doesn't need, or take minutes.
NAMED = ("peers",)


def _bench(name: str) -> Any:
    if name not in BENCHES + NAMED:
        sys.exit(f"There is no benchmark '{name}'; there are: {', '.join(BENCHES + NAMED)}.")
    return import_module(f"tests.bench.{name}")


def main(wanted: list[str]) -> None:
    for name in wanted or BENCHES:
        with TemporaryDirectory() as folder:
            for metric, value, unit in _bench(name).measure(Path(folder)):
                line = {"metric": metric, "value": round(value, 4), "unit": unit}
                sys.stdout.write(json.dumps(line) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
