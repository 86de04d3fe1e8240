"""Process mode: which virtual environment stands for which image."""

import asyncio
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from retrain.local.batch.node import own_environments
from tests.contract.batch.node.conftest import Stage, ignore

BUILT = "retrain.local/environment:0a1b"
PREFIX = "python -c 'import sys; print(sys.prefix)'"


def test_without_an_image_python_is_a_bare_environments(stage: Stage, tmp_path: Path) -> None:
    assert stage.run(PREFIX).succeeded
    own = stage.stdout()
    assert own.startswith(f"{tmp_path / 'environments' / 'runs'}/")
    assert stage.run("sh -c 'echo $VIRTUAL_ENV'").succeeded
    assert stage.stdout() == own
    assert stage.stderr() == ""


TOUCHES = {
    "a package": "cd $VIRTUAL_ENV/lib/python3.*/site-packages && touch a.py",
    "a program": "touch $VIRTUAL_ENV/bin/a",
    "what it sees": "echo >> $(echo $VIRTUAL_ENV/lib/python3.*/site-packages/base.pth)",
    "its settings": "echo >> $VIRTUAL_ENV/pyvenv.cfg",
    "its python": "ln -sf /bin/true $VIRTUAL_ENV/bin/python",
    "its time, with a forged one": "touch -d 2020-01-01 $VIRTUAL_ENV/bin",
    "all of it": "rm -r $VIRTUAL_ENV",
}


@pytest.mark.parametrize("touch", TOUCHES.values(), ids=TOUCHES)
def test_one_that_was_touched_serves_nobody_else(stage: Stage, touch: str) -> None:
    assert stage.run(PREFIX).succeeded
    assert stage.run(words(f"echo $VIRTUAL_ENV; {touch}"), key="touches").succeeded
    touched = stage.stdout("touches")
    assert touched == stage.stdout(), "nobody had touched the first"
    assert not Path(touched.strip()).exists()
    assert stage.run(PREFIX, key="next").succeeded
    assert stage.stdout("next") != touched


def test_two_at_once_have_one_each(stage: Stage) -> None:
    async def both() -> None:
        tell = "sh -c 'echo $VIRTUAL_ENV; sleep 0.5'"
        at_once = (stage.execution(tell, key=key) for key in "ab")
        await asyncio.gather(*(stage.node.run(one, ignore) for one in at_once))

    stage.wait(both())
    assert stage.stdout("a") != stage.stdout("b")


def test_a_built_image_is_its_environment(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "environments" / "0a1b"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "of_the_image.py").write_text("print('of the image')")
    assert stage.run("python -c 'import of_the_image'", image=BUILT).succeeded
    assert stage.stdout() == "of the image\n"


def test_what_an_execution_installs_is_its_own(stage: Stage, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    for version in ("1.0", "2.0"):
        a_wheel(wheels, version)
    folder = tmp_path / "environments" / "0a1b"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    offline = f"--no-index --find-links {wheels} --disable-pip-version-check --quiet"
    install = [str(folder / "bin" / "pip"), "install", *offline.split(), "tiny==1.0"]
    subprocess.run(install, check=True)
    before = listing(folder)
    tell = "tiny-says; python -c 'import tiny; print(tiny.VERSION)'"
    for image, was in ((BUILT, "1.0"), ("python:3.11-slim", "none")):
        for number in range(2):  # the second sees nothing of the first
            first = f"python -c 'import tiny; print(tiny.VERSION)' || echo none; {tell} || true"
            outcome = stage.run(
                words(f"({first}) 2>&1 | tail -n 1; pip install {offline} tiny==2.0; {tell}"),
                image=image, key=f"{was}-{number}",
            )  # fmt: skip
            key = f"{was}-{number}"
            assert outcome.succeeded, stage.stderr(key)
            said = stage.stdout(key).splitlines()
            assert said[-2:] == ["says 2.0", "2.0"], "its own comes first, for programs too"
            if was == "1.0":
                assert said[0] == "1.0"
            else:
                assert "tiny" in said[0], "not found"
    assert {name for name in listing(folder) - before if "programs" not in name} == set()


def test_the_programs_of_an_environment_run_with_the_executions_python(
    stage: Stage, tmp_path: Path
) -> None:
    folder = tmp_path / "environments" / "0a1b"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python, show = folder / "bin" / "python", "import sys\nprint(sys.prefix)\n"
    programs = {
        "short": f"#!{python}\n{show}",
        "long": f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n{show}",
        "other": "#!/bin/sh\necho other\n",
    }
    for name, text in programs.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    assert stage.run(words("short; long; other; python -c 'import sys; print(sys.prefix)'"),
                     image=BUILT).succeeded  # fmt: skip
    short, long, other, own = stage.stdout().splitlines()
    assert (short, long, other) == (own, own, "other")


def test_who_asked_for_an_image_is_told_that_it_is_not_used(stage: Stage, tmp_path: Path) -> None:
    assert stage.run("sh -c 'echo mine >&2'", image="python:3.12-slim").succeeded
    first, second, mine = stage.stderr().splitlines()
    assert first == (
        "retrain: image python:3.12-slim is not used: this stack runs scripts as processes "
        "(no podman or docker)."
    )
    assert f"this machine's Python {sys.version.split()[0]}" in second
    assert mine == "mine"
    folder = tmp_path / "environments" / "0a1b"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (folder / ".image").write_text("ubuntu:24.04")
    assert stage.run("true", image=BUILT).succeeded
    assert stage.stderr().startswith("retrain: image ubuntu:24.04 is not used: ")


def test_a_python_that_has_no_pip_says_so_and_the_machines_own_is_not_called(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_environments, "pip_wheel", lambda: None)
    outcome = stage.run("pip install tiny")
    assert outcome.exit_code == 1
    assert "There is no pip here" in stage.stderr()


def test_another_python_of_this_machine_is_not_installed_into(stage: Stage) -> None:
    assert stage.run("sh -c 'echo $PIP_REQUIRE_VIRTUALENV'").succeeded
    assert stage.stdout() == "1\n"
    settings = {"PIP_REQUIRE_VIRTUALENV": "0"}
    assert stage.run("sh -c 'echo $PIP_REQUIRE_VIRTUALENV'", environment=settings).succeeded
    assert stage.stdout() == "0\n"


def test_what_a_killed_node_left_is_deleted(stage: Stage, tmp_path: Path) -> None:
    left = tmp_path / "environments" / "runs" / stage.node.identity / "0123"
    other = tmp_path / "environments" / "runs" / "another" / "0123"
    for folder in (left, other):
        (folder / "bin").mkdir(parents=True)
    stage.wait(stage.node.reap())
    assert not left.exists()
    assert other.exists(), "of another stack, which may run"
    runs = left.parents[1]
    stage.wait(until(lambda: [one.name for one in runs.iterdir()] == ["another"]))


def test_an_image_that_was_never_built_is_said_so(stage: Stage) -> None:
    outcome = stage.run("true", image="retrain.local/environment:ffff")
    assert outcome.exit_code is None
    assert outcome.failure is not None
    assert outcome.failure.code == "ContainerInvalidImage"
    assert dict(outcome.failure.details)["Image"] == "retrain.local/environment:ffff"


def test_the_tasks_own_path_comes_after_the_environments(stage: Stage, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "mytool").write_text("#!/bin/sh\necho mine\n")
    (tools / "mytool").chmod(0o755)
    path = f"{tools}:/usr/bin:/bin"
    assert stage.run("mytool", environment={"PATH": path}).succeeded
    assert stage.stdout() == "mine\n"


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def words(script: str) -> str:
    """A command line that runs the script."""
    return f"/bin/sh -c {shlex.quote(script)}"


def listing(folder: Path) -> set[str]:
    """The files of the environment but for what Python itself keeps there."""
    files = (str(file.relative_to(folder)) for file in folder.rglob("*"))
    return {file for file in files if "__pycache__" not in file}


def a_wheel(folder: Path, version: str) -> None:
    """`tiny`, with a program `tiny-says`."""
    folder.mkdir(exist_ok=True)
    told = f"tiny-{version}.dist-info"
    with zipfile.ZipFile(folder / f"tiny-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny.py", f"VERSION = '{version}'\ndef says(): print('says', VERSION)\n")
        wheel.writestr(
            f"{told}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{told}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{told}/entry_points.txt", "[console_scripts]\ntiny-says = tiny:says\n")
        wheel.writestr(f"{told}/RECORD", "")
