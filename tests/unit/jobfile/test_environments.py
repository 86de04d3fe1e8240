"""Environments of files: what they name on this machine, and faults with their places."""

from pathlib import Path

import pytest

from retrain.jobfile import JobFileError, read_environment, read_job


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "context").mkdir()
    (tmp_path / "context/Dockerfile").write_text("FROM scratch\n")
    return tmp_path


def write(name: str, text: str) -> Path:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)
    return Path(name)


def test_a_file_with_a_conda_file_holds_its_content(folder: Path) -> None:
    write("env/conda.yml", "dependencies: [six]\n")
    file = read_environment(write("env/e.yml", "name: a\nimage: b\nconda_file: conda.yml\n"))
    assert file.document["conda_file"] == {"dependencies": ["six"]}
    assert (file.context, file.document["name"]) == (None, "a")


def test_a_build_context_is_beside_the_file_that_names_it(folder: Path) -> None:
    write("env/e.yml", "build: {path: ../context}\n")
    assert read_environment(Path("env/e.yml")).context == folder / "context"
    for written in ("file:env/e.yml", "env/e.yml", "./env/e.yml"):
        job = read_job(write("job.yml", f"command: x\nenvironment: {written}\n"))
        assert job.context == folder / "context"
        assert job.document["environment"]["build"]["path"] == "../context"


FAULTS = {
    "no such folder": ("build:\n  path: gone\n", "e.yml:2:3: build.path: 'gone' does not exist"),
    "a file": ("build:\n  path: e.yml\n", "e.yml:2:3: build.path: 'e.yml' is not a folder"),
    "no Dockerfile": (
        "build:\n  path: context\n  dockerfile_path: gpu/Dockerfile\n",
        "e.yml:3:3: build.dockerfile_path: 'context/gpu/Dockerfile' does not exist",
    ),
    "a Dockerfile that leads out": (
        "build:\n  path: context\n  dockerfile_path: link\n",
        "e.yml:3:3: build.dockerfile_path: 'context/link' leads out of the build context",
    ),
    "two at once": (
        "image: a\nbuild:\n  path: gone\n",
        "e.yml:1:1: image: `build` makes the image; leave out one of the two\ne.yml:3:3: ",
    ),
    "a misspelt field": ("imag: a\n", "e.yml:1:1: imag: unknown field; did you mean 'image'?"),
    "a conda file that is not there": ("image: a\nconda_file: c.yml\n", "e.yml:2:1: conda_file: "),
}


@pytest.mark.parametrize(("content", "said"), FAULTS.values(), ids=FAULTS)
def test_faults_are_told_with_their_places(folder: Path, content: str, said: str) -> None:
    write("secret", "FROM scratch\n")
    (folder / "context/link").symlink_to("../secret")
    with pytest.raises(JobFileError) as refused:
        read_environment(write("e.yml", content))
    told = str(refused.value)
    assert told.startswith(said), told


def test_packages_of_a_failed_build_have_their_lines(folder: Path) -> None:
    write("c.yml", "dependencies:\n  - six\n  - GDAL >= 3\n  - pip:\n      - --pre\n")
    file = read_environment(write("e.yml", "image: a\nconda_file: c.yml\n"))
    reason = "'gdal' is a conda package\n'--pre': this option\n'other': not of this file\nno quotes"
    assert [str(problem) for problem in file.blamed(reason)] == [
        "c.yml:3:5: conda_file.dependencies[1]: 'gdal' is a conda package",
        "c.yml:5:9: conda_file.dependencies[2].pip[0]: '--pre': this option",
    ]
