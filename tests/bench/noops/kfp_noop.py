# mypy: ignore-errors
"""A component, run so many times; with `venv`, as SubprocessRunner does by default."""

import sys
import time

from kfp import dsl, local

what, count = sys.argv[1:]


@dsl.component(base_image="python:3.11", install_kfp_package=what == "venv")
def nothing():
    pass


local.init(local.SubprocessRunner(use_venv=what == "venv"), pipeline_root="kfp")
for _ in range(int(count)):
    began = time.perf_counter()
    nothing()
    sys.stdout.write(f"\ntook {time.perf_counter() - began}\n")
