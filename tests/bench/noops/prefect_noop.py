# mypy: ignore-errors
"""Call the flow so many times, or `serve` it, or `submit` it so many times to who serves it."""

import sys
import time

from prefect import flow
from prefect.deployments import run_deployment

EVERY = 0.05


@flow
def noop():
    pass


def submit():
    run = run_deployment("noop/bench", poll_interval=EVERY)
    assert run.state.is_completed(), run.state


if __name__ == "__main__":
    what, *count = sys.argv[1:]
    if what == "serve":
        noop.serve("bench")
    for _ in range(int(count[0])):
        began = time.perf_counter()
        submit() if what == "submit" else noop()
        sys.stdout.write(f"\ntook {time.perf_counter() - began}\n")
