"""From a run to what its attempt needs on the node: script, variables, inputs.

The script lays the working folder out as Azure ML does (the code, `./outputs`, `./logs`), tells the
command where its inputs and outputs are, and becomes the command.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from posixpath import basename, dirname
from shlex import quote
from typing import Final, assert_never

from shared.app.distribution import distribution_variables, is_distributed
from shared.domain.keys import checkpoints_container
from shared.domain.lineage import Place, Read
from shared.domain.run import Run
from shared.jobs import (
    CommandJob,
    DataInput,
    InputPath,
    Literal,
    OutputPath,
    RunName,
    Value,
    named_compute,
    parse_datastore_path,
    render_command,
)
from shared.jobs.bindings import find_bindings
from shared.jobs.data_paths import PublicFile, parse_data_path
from shared.jobs.render import input_variable, output_variable
from shared.node import CHECKPOINTS_MARKER, LEFT, RESTORED, saver
from shared.ports.compute import InputFile, Order, OutputPlace, Tier

#: For a job that sets no limits.timeout.
DEFAULT_TIMEOUT: Final = timedelta(hours=24)
_INPUTS: Final = ".inputs"  # hidden, so that the code's own folders can't collide with it
_OUTPUTS: Final = ".outputs"  # of those that are kept elsewhere than under the run
_HERE: Final = '"$AZ_BATCH_TASK_WORKING_DIR"/'

# The empty file is uploaded last of all that Batch uploads: its landing says that the task is over.
_LAYOUT: Final = """set -e
: > "$AZ_BATCH_TASK_DIR/ended.txt"
cd "$AZ_BATCH_TASK_WORKING_DIR"
if [ -d "$AZ_BATCH_JOB_PREP_WORKING_DIR/code" ]; then
  cp -R "$AZ_BATCH_JOB_PREP_WORKING_DIR/code/." .
fi
if [ -d "$AZ_BATCH_TASK_SHARED_DIR/.inputs" ]; then
  ln -s "$AZ_BATCH_TASK_SHARED_DIR/.inputs" .inputs
fi
mkdir -p outputs logs"""

_LAUNCH: Final = 'python3 -I -S -c "$RETRAIN_LAUNCHER"'
_RUN: Final = '/bin/sh -c "$RETRAIN_COMMAND"'

# What Batch restored becomes ./checkpoints; the marker is there so that it finds something to.
_RESTORE: Final = f"""for restored in {RESTORED} "${{AZ_BATCH_TASK_SHARED_DIR:-.}}/{RESTORED}"; do
  if [ -d "$restored" ]; then
    [ -e checkpoints ] || mv "$restored" checkpoints
    [ ! -e "$restored" ] || cp -R "$restored/." checkpoints/
  fi
done
mkdir -p checkpoints
rm -f checkpoints/{CHECKPOINTS_MARKER}"""

# Of several nodes the first keeps what it wrote.
_SAVE: Final = f"""[ "${{AZ_BATCH_IS_CURRENT_NODE_MASTER:-true}}" = true ] || exec %(run)s
if command -v python3 > /dev/null 2>&1; then exec python3 -I -S -c "$RETRAIN_SAVER" %(run)s; fi
echo "retrain: there is no python3 here: ./checkpoints is kept at the script's end only" >&2
code=0
%(run)s || code=$?
mv checkpoints {LEFT}
exit $code"""
_PRIORITIES: Final = {"low": -100, "medium": 0, "high": 100}


def order_for(run: Run, more: Mapping[str, str] = {}) -> Order:
    """The order of the run's present attempt. more: variables that the job's own go before."""
    job = run.job
    assert run.image is not None, "an attempt follows its image"
    rendered, settings = render_command(job), job.queue_settings
    layout = [_LAYOUT, _RESTORE] if job.checkpoints else [_LAYOUT]
    lines = [*layout, *_output_folders(job, run), *_notes(job)]
    for name, value in rendered.variables.items():
        lines.append(f"export {name}={_word(value, job, run)}")
    plain = {}
    for name, text in job.environment_variables.items():
        if any(find_bindings(text)):
            lines.append(f"export {name}={_filled(text)}")
        else:
            plain[name] = text
    command = _LAUNCH if is_distributed(job) else _RUN
    lines.append(_SAVE % {"run": command} if job.checkpoints else f"exec {command}")
    return Order(
        key=run.key,
        run=run.name,
        image=run.image,
        script="\n".join(lines),
        variables={
            **more,
            **plain,
            "AZUREML_RUN_ID": run.name,
            "RETRAIN_ATTEMPT": str(run.attempt),
            "RETRAIN_COMMAND": rendered.script,
            "PYTHONUNBUFFERED": plain.get("PYTHONUNBUFFERED", "1"),  # a live log is live
            **distribution_variables(run),
            **({"RETRAIN_SAVER": saver()} if job.checkpoints else {}),
        },
        inputs=[*_inputs(run)],
        outputs=[*_outputs(run)],
        snapshot=parse_datastore_path(job.code).path if job.code else None,
        timeout=timedelta(seconds=job.limits.timeout) if job.limits.timeout else DEFAULT_TIMEOUT,
        vm_size=job.resources.instance_type,
        nodes=job.resources.instance_count,
        checkpoints=checkpoints_container(run.name) if job.checkpoints else None,
        container_options=_container_options(job),
        compute=named_compute(job.compute),
        tier=tier_of(job),
        priority=_PRIORITIES[settings.priority] if settings else 0,
    )


def tier_of(job: CommandJob) -> Tier:
    """Of nodes of the run's own."""
    settings = job.queue_settings
    return "low_priority" if settings and settings.job_tier == "spot" else "dedicated"


def _container_options(job: CommandJob) -> str:
    # Processes on several nodes find each other by the nodes' own addresses.
    network = "--network=host" if job.resources.instance_count > 1 else ""
    return f"{network} {job.resources.container_options}".strip()


def _output_folders(job: CommandJob, run: Run) -> Iterator[str]:
    for name, output in job.outputs.items():
        if output.mode != "direct":
            below = _output_path(name, run)
            yield f"mkdir -p {quote(below if output.folder else dirname(below))}"


def _output_path(name: str, run: Run) -> str:
    """Where the script finds it. What goes elsewhere must not be under `outputs`: it would be
    kept twice."""
    elsewhere = any(written.output == name for written in run.writes)
    return f"{_OUTPUTS if elsewhere else 'outputs'}/{name}"


def _notes(job: CommandJob) -> Iterator[str]:
    for name, given in job.inputs.items():
        if isinstance(given, DataInput) and given.mode == "rw_mount":
            text = f"retrain: input {name} is a copy; what is written into it is not kept"
            yield f"echo {quote(text)} >&2"


def _inputs(run: Run) -> Iterator[InputFile]:
    for read in _reads(run).values():
        given, place = run.job.inputs[read.input], read.place
        assert isinstance(given, DataInput)
        if given.mode != "direct":
            target = f"{_INPUTS}/{read.input}"
            if not place.folder:
                target = f"{target}/{_file_name(place)}"
            yield InputFile(
                place.container, place.path, target, place.folder, place.account, place.public
            )


def _outputs(run: Run) -> Iterator[OutputPlace]:
    for written in run.writes:
        output, place = run.job.outputs[written.output], written.place
        if output.mode != "direct":
            source = f"{_OUTPUTS}/{written.output}"
            yield OutputPlace(source, place.container, place.path, place.folder, place.account)


def _reads(run: Run) -> dict[str, Read]:
    return {read.input: read for read in run.reads or _unresolved(run.job)}


def _unresolved(job: CommandJob) -> Iterator[Read]:
    """Of a record from before inputs were resolved: its paths are all in our own account."""
    for name, given in job.inputs.items():
        if isinstance(given, DataInput) and given.path is not None:
            place, folder = parse_datastore_path(given.path), given.type != "uri_file"
            path = place.path
            if folder and path and not path.endswith("/"):
                path += "/"
            uri, container = str(place), place.container
            yield Read(
                input=name, place=Place(uri=uri, folder=folder, container=container, path=path)
            )


def _file_name(place: Place) -> str:
    """Its own; of a public file that of its address."""
    if not place.public:
        return basename(place.path)
    path = parse_data_path(place.uri)
    return path.name if isinstance(path, PublicFile) else basename(place.path)


def _word(value: Value, job: CommandJob, run: Run) -> str:
    """The value as one word of shell."""
    match value:
        case Literal():
            return quote(value.text)
        case RunName():
            return quote(run.name)
        case OutputPath():
            if job.outputs[value.name].mode == "direct":
                return quote(next(w.place.uri for w in run.writes if w.output == value.name))
            return f"{_HERE}{quote(_output_path(value.name, run))}"
        case InputPath():
            given, place = job.inputs[value.name], _reads(run)[value.name].place
            assert isinstance(given, DataInput)
            if given.mode == "direct":
                return quote(place.uri)
            # Batch keeps a folder's whole path from the container's root.
            below = place.path.rstrip("/") if place.folder else _file_name(place)
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
