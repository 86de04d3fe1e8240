"""How long 500 files take to be checked in one process, as `retrain job validate` checks them.

The files are of the sizes and forms that people have: jobs with inline and registered environments,
with conda files, with typed and bare inputs, components and jobs that name them, schedules.
"""

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from retrain.jobfile.check import check
from retrain.jobfile.collection import collect
from tests.bench.measured import Measured

FILES = 500
_HEAD = "# A comment, as people write them.\n$schema: https://azuremlschemas.azureedge.net/latest/"
_CONDA = "channels: [conda-forge]\ndependencies:\n- python=3.11\n- pip\n- pip:\n" + "".join(
    f"  - package-{number}=={number}.0.1\n" for number in range(15)
)
_JOB = """\
commandJob.schema.json
type: command
display_name: train-{number}
experiment_name: wine
description: Trains the model number {number} on all the data that there is.
tags: {{team: wine, number: {number}}}
command: >-
  python train.py --data ${{{{inputs.data}}}} --rate ${{{{inputs.rate}}}}
  --trees ${{{{inputs.trees}}}} $[[--note ${{{{inputs.note}}}}]] --out ${{{{outputs.model}}}}
code: src
inputs:
  data:
    type: uri_file
    path: azureml://datastores/workspaceblobstore/paths/wine/{number}.csv
    mode: ro_mount
  rate: 0.{number}
  trees:
    type: integer
    default: {number}
    min: 0
    max: 1000
  note:
    type: string
    optional: true
outputs:
  model:
    type: uri_folder
    mode: upload
environment:
  image: mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04
  conda_file: conda.yml
environment_variables:
  LEVEL: debug
  NUMBER: {number}
limits:
  timeout: 3600
resources:
  instance_count: 1
"""
_COMPONENT = """\
commandComponent.schema.json
name: train_{number}
version: {number}
type: command
inputs:
  data: {{type: uri_folder, description: where it is}}
  rate: {{type: number, default: 0.1, min: 0, max: 1}}
  kind: {{type: string, enum: [a, b, c], default: b}}
outputs:
  model: {{type: uri_folder}}
code: ./src
command: python train.py ${{{{inputs.data}}}} ${{{{inputs.rate}}}} ${{{{inputs.kind}}}}
environment:
  image: python:3.11
"""
_NAMING = """\
commandJob.schema.json
component: ./component-{before}.yml
inputs:
  data: {{path: "azureml://datastores/workspaceblobstore/paths/wine/"}}
  rate: 0.5
"""
_SCHEDULE = """\
schedule.schema.json
name: nightly-{number}
trigger:
  type: cron
  expression: "{number} 3 * * *"
  time_zone: Pacific Standard Time
create_job: ./job-{before}.yml
"""


def measure(folder: Path) -> Iterator[Measured]:
    write(folder, FILES)
    files = collect([str(folder)])
    check(files[0])  # what is made once in a process
    began = perf_counter()
    checked = [check(file) for file in files]
    took = perf_counter() - began
    assert not any(one.problems for one in checked), next(one for one in checked if one.problems)
    yield "validate_500_files", took * FILES / len(checked), "s"


def write(folder: Path, count: int) -> None:
    """Jobs, components, jobs that name components, and schedules, in the ratio 5 : 2 : 1 : 2.

    before: of a job that names a component, the component; of a schedule, its job.
    """
    (folder / "src").mkdir()
    (folder / "src" / "train.py").touch()
    (folder / "conda.yml").write_text(_CONDA)
    names = ("job", "job", "component", "naming", "schedule") * 2
    for number in range(count):
        name = names[number % 10] if number % 10 != 8 else "job"
        form = {"job": _JOB, "component": _COMPONENT, "naming": _NAMING, "schedule": _SCHEDULE}
        before = number - 1 if name == "naming" else number - number % 10
        text = form[name].format(number=number % 60, before=before)
        (folder / f"{name}-{number}.yml").write_text(_HEAD + text)
