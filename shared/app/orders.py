"""From a run to what its attempt needs on the node: script, variables, inputs.

The script lays the working folder out as Azure ML does (the code, `./outputs`, `./logs`), tells the
command where its inputs and outputs are, and becomes the command.
"""

from collections.abc import Iterator
from datetime import timedelta
from posixpath import basename
from shlex import quote
from typing import Final, assert_never

from shared.domain.run import Run
from shared.jobs import (
    CommandJob,
    DataInput,
    InputPath,
    Literal,
    OutputPath,
    RunName,
    Value,
    parse_datastore_path,
    render_command,
)
from shared.jobs.bindings import find_bindings
from shared.jobs.render import input_variable, output_variable
from shared.ports.compute import InputFile, Order

#: For a job that sets no limits.timeout.
DEFAULT_TIMEOUT: Final = timedelta(hours=24)
_INPUTS: Final = ".inputs"  # hidden, so that the code's own folders can't collide with it
_HERE: Final = '"$AZ_BATCH_TASK_WORKING_DIR"/'

# The empty file is uploaded last of all that Batch uploads: its landing says that the task is over.
_LAYOUT: Final = """set -e
: > "$AZ_BATCH_TASK_DIR/ended.txt"
cd "$AZ_BATCH_TASK_WORKING_DIR"
if [ -d "$AZ_BATCH_JOB_PREP_WORKING_DIR/code" ]; then
  cp -R "$AZ_BATCH_JOB_PREP_WORKING_DIR/code/." .
fi
mkdir -p outputs logs"""


def order_for(run: Run) -> Order:
    """The order of the run's present attempt."""
    job = run.job
    assert run.image is not None, "an attempt follows its image"
    rendered = render_command(job)
    lines = [_LAYOUT, *_output_folders(job)]
    for name, value in rendered.variables.items():
        lines.append(f"export {name}={_word(value, job, run)}")
    plain = {}
    for name, text in job.environment_variables.items():
        if any(find_bindings(text)):
            lines.append(f"export {name}={_filled(text)}")
        else:
            plain[name] = text
    lines.append('exec /bin/sh -c "$RETRAIN_COMMAND"')
    return Order(
        key=run.key,
        run=run.name,
        image=run.image,
        script="\n".join(lines),
        variables={
            **plain,
            "AZUREML_RUN_ID": run.name,
            "RETRAIN_ATTEMPT": str(run.attempt),
            "RETRAIN_COMMAND": rendered.script,
            "PYTHONUNBUFFERED": plain.get("PYTHONUNBUFFERED", "1"),  # a live log is live
        },
        inputs=[*_inputs(job)],
        snapshot=parse_datastore_path(job.code).path if job.code else None,
        timeout=timedelta(seconds=job.limits.timeout) if job.limits.timeout else DEFAULT_TIMEOUT,
        vm_size=job.resources.instance_type,
    )


def _output_folders(job: CommandJob) -> Iterator[str]:
    for name, output in job.outputs.items():
        if output.type == "uri_folder":
            yield f"mkdir -p outputs/{name}"


def _inputs(job: CommandJob) -> Iterator[InputFile]:
    for name, given in job.inputs.items():
        if isinstance(given, DataInput):
            place = parse_datastore_path(given.path)
            target = f"{_INPUTS}/{name}"
            if given.type == "uri_file":
                target = f"{target}/{basename(place.path)}"
                yield InputFile(place.container, place.path, target, folder=False)
            else:
                prefix = _prefix(place.path)
                yield InputFile(place.container, prefix, target, folder=True)


def _prefix(path: str) -> str:
    """A folder's blobs begin with its path and a slash; the whole container's with nothing."""
    return path if not path or path.endswith("/") else f"{path}/"


def _word(value: Value, job: CommandJob, run: Run) -> str:
    """The value as one word of shell."""
    match value:
        case Literal():
            return quote(value.text)
        case RunName():
            return quote(run.name)
        case OutputPath():
            return f"{_HERE}{quote(f'outputs/{value.name}')}"
        case InputPath():
            given = job.inputs[value.name]
            assert isinstance(given, DataInput)
            path = parse_datastore_path(given.path).path
            # Batch keeps a folder's whole path from the container's root.
            below = basename(path) if given.type == "uri_file" else _prefix(path).rstrip("/")
            return f"{_HERE}{quote(f'{_INPUTS}/{value.name}/{below}'.rstrip('/'))}"
        case _:
            assert_never(value)


def _filled(text: str) -> str:
    """A variable's text with its bindings as expansions, as one word of shell."""
    word, end = "", 0
    for binding in find_bindings(text):
        word += quote(text[end : binding.start]) + f'"${{{_variable(binding.what)}}}"'
        end = binding.end
    return word + quote(text[end:])


def _variable(what: str) -> str:
    kind, _, name = what.partition(".")
    match kind:
        case "inputs":
            return input_variable(name)
        case "outputs":
            return output_variable(name)
        case "name":
            return "AZUREML_RUN_ID"
        case _:
            return "RETRAIN_DEFAULT_DATASTORE"
