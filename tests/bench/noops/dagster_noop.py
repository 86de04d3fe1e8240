# mypy: ignore-errors
"""A job of one op; as a script it executes it so many times in its own process."""

import sys
import time

from dagster import DagsterInstance, job, op


@op
def nothing():
    pass


@job
def noop():
    nothing()


if __name__ == "__main__":
    with DagsterInstance.get() as instance:
        for _ in range(int(sys.argv[1])):
            began = time.perf_counter()
            assert noop.execute_in_process(instance=instance).success
            sys.stdout.write(f"\ntook {time.perf_counter() - began}\n")
