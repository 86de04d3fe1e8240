"""Retrain from Python: describe a job, start it, look at what became of it.

    from retrain import Client, Environment, Input, command

    job = command(
        command="python train.py --rows ${{inputs.rows}}",
        code="src",
        inputs={"rows": 1000},
        environment=Environment(image="python:3.11-slim"),
    )
    with Client() as client:
        run = client.jobs.create_or_update(job)
        client.jobs.stream(run.name)

Names are as in Azure ML's SDK v2; `ScriptRunConfig` and `Experiment` are as in its v1. Whatever
goes wrong is a `Problem`, with a message and a remedy. Importing this costs nothing: each name is
loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrain.client import ApiError as ApiError
    from retrain.client import Client as Client
    from retrain.client import ClientError as ClientError
    from retrain.client import Unreachable as Unreachable
    from retrain.problem import Problem as Problem
    from retrain.profile import ProfileProblem as ProfileProblem
    from retrain.sdk.assets import Data as Data
    from retrain.sdk.assets import Model as Model
    from retrain.sdk.command import Command as Command
    from retrain.sdk.command import command as command
    from retrain.sdk.errors import InvalidJob as InvalidJob
    from retrain.sdk.errors import RunFailed as RunFailed
    from retrain.sdk.load import load_job as load_job
    from retrain.sdk.load import load_schedule as load_schedule
    from retrain.sdk.run import Run as Run
    from retrain.sdk.schedule import CronTrigger as CronTrigger
    from retrain.sdk.schedule import DataTrigger as DataTrigger
    from retrain.sdk.schedule import RecurrenceTrigger as RecurrenceTrigger
    from retrain.sdk.schedule import Schedule as Schedule
    from retrain.sdk.script_run import Experiment as Experiment
    from retrain.sdk.script_run import ScriptRun as ScriptRun
    from retrain.sdk.script_run import ScriptRunConfig as ScriptRunConfig
    from retrain.sdk.values import BuildContext as BuildContext
    from retrain.sdk.values import Environment as Environment
    from retrain.sdk.values import Input as Input
    from retrain.sdk.values import Output as Output
    from retrain.snapshot import Limits as Limits
    from retrain.snapshot import SnapshotRefused as SnapshotRefused

_HOMES = {
    "retrain.client": ("ApiError", "Client", "ClientError", "Unreachable"),
    "retrain.problem": ("Problem",),
    "retrain.profile": ("ProfileProblem",),
    "retrain.sdk.assets": ("Data", "Model"),
    "retrain.sdk.command": ("Command", "command"),
    "retrain.sdk.errors": ("InvalidJob", "RunFailed"),
    "retrain.sdk.load": ("load_job", "load_schedule"),
    "retrain.sdk.run": ("Run",),
    "retrain.sdk.schedule": ("CronTrigger", "DataTrigger", "RecurrenceTrigger", "Schedule"),
    "retrain.sdk.script_run": ("Experiment", "ScriptRun", "ScriptRunConfig"),
    "retrain.sdk.values": ("BuildContext", "Environment", "Input", "Output"),
    "retrain.snapshot": ("Limits", "SnapshotRefused"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'retrain' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
