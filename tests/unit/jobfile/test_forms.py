"""Job files in the forms that Azure ML's users write, as folders of small files."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from retrain.jobfile import read_job
from shared.jobs import parse_job, render_command

SCHEMA = "$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json"


def written(folder: Path, files: dict[str, str]) -> Path:
    """Write the files below the folder; returns the path of job.yml."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return folder / "job.yml"


#: Name: the files, and some of what the job's document then holds.
FORMS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "hello world": (
        {"job.yml": f"{SCHEMA}\ncommand: echo hello\nenvironment: {{image: python}}\n"},
        {"command": "echo hello", "environment": {"image": "python", "tags": {}}},
    ),
    "names and tags": (
        {
            "job.yml": """
            command: echo "hello world"
            environment: {image: library/python:latest}
            tags:
              hello: world
              2026: yes
            display_name: hello-world-example
            experiment_name: hello-world-example
            description: |
              # Azure Machine Learning "hello world" job

              With a second line.
            """
        },
        {
            "tags": {"hello": "world", "2026": "yes"},
            "experiment_name": "hello-world-example",
            "description": '# Azure Machine Learning "hello world" job\n\nWith a second line.\n',
        },
    ),
    "environment variables": (
        {
            "job.yml": """
            command: echo $hello_env_var
            environment:
              image: library/python:latest
            environment_variables:
              hello_env_var: "hello world"
              N: 010
              WHEN: 2026-01-01
            """
        },
        {
            "environment_variables": {
                "hello_env_var": "hello world",
                "N": "10",
                "WHEN": "2026-01-01",
            }
        },
    ),
    "literal inputs": (
        {
            "job.yml": """
            command: |
              echo ${{inputs.hello_string}}
              echo ${{inputs.hello_number}}
            environment:
              image: library/python:latest
            inputs:
              hello_string: "hello world"
              hello_number: 42
              rate: 1e-3
              big: 1_000
              flag: true
              norwegian: no
              day: 2026-01-01
            """
        },
        {
            "inputs": {
                "hello_string": "hello world",
                "hello_number": 42,
                "rate": 0.001,
                "big": 1000,
                "flag": True,
                "norwegian": "no",
                "day": "2026-01-01",
            }
        },
    ),
    "the default output": (
        {
            "job.yml": """
            command: echo "hello world" > ./outputs/helloworld.txt
            environment:
              image: library/python:latest
            """
        },
        {"outputs": {}},
    ),
    "a declared output": (
        {
            "job.yml": """
            command: echo "hello world" > ${{outputs.hello_output}}/helloworld.txt
            outputs:
              hello_output:
                type: uri_folder
                mode: rw_mount
              other:
            environment:
              image: python
            """
        },
        {
            "outputs": {
                "hello_output": {"type": "uri_folder", "mode": "rw_mount"},
                "other": {"type": "uri_folder", "mode": "rw_mount"},
            }
        },
    ),
    "local file": (
        {
            "job.yml": """
            command: |
              echo "--iris-csv: ${{inputs.iris_csv}}"
              python hello-iris.py --iris-csv ${{inputs.iris_csv}}
            code: src
            inputs:
              iris_csv:
                type: uri_file
                path: ../data/iris.csv
            environment: {image: python}
            """,
            "src/hello-iris.py": "print('hello')\n",
            "../data/iris.csv": "a,b\n1,2\n",
        },
        {"code": "src"},
    ),
    "local folder": (
        {
            "job.yml": """
            command: ls ${{inputs.data_dir}}
            inputs:
              data_dir:
                path: file:./data
                mode: ro_mount
            environment: {image: python}
            """,
            "data/one/iris.csv": "a\n",
        },
        {},
    ),
    "data in a datastore": (
        {
            "job.yml": """
            command: ls -R ${{inputs.data_dir}}
            inputs:
              data_dir:
                type: uri_folder
                path: azureml://datastores/workspaceblobstore/paths/example-data/
            environment: {image: python}
            """
        },
        {},
    ),
    "a conda file": (
        {
            "job.yml": """
            command: python main.py
            code: .
            environment:
              image: mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04
              conda_file: envs/conda.yml
            compute: azureml:cpu-cluster
            """,
            "envs/conda.yml": """
            name: basic
            channels:
              - conda-forge
            dependencies:
              - python=3.11
              - pip:
                - scikit-learn==1.5.2
            """,
        },
        {
            "environment": {
                "image": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04",
                "conda_file": {
                    "name": "basic",
                    "channels": ["conda-forge"],
                    "dependencies": ["python=3.11", {"pip": ["scikit-learn==1.5.2"]}],
                },
                "tags": {},
            }
        },
    ),
    "an environment file": (
        {
            "job.yml": "command: x\nenvironment: file:./environments/azureml/env.yml\n",
            "environments/azureml/env.yml": "{name: e, version: 1, image: a, conda_file: c.yml}",
            "environments/azureml/c.yml": "dependencies: [pip]\n",
        },
        {
            "environment": {
                "name": "e",
                "version": "1",
                "image": "a",
                "conda_file": {"dependencies": ["pip"]},
                "tags": {},
            }
        },
    ),
    "limits and resources": (
        {
            "job.yml": """
            type: command
            command: >-
              python train.py
              --epochs ${{inputs.epochs}}
              $[[--seed ${{inputs.seed}}]]
            inputs:
              epochs: 10
              seed: {type: integer, optional: true}
            environment: {image: python}
            limits:
              timeout: 3600
            resources:
              instance_count: 1
              instance_type: Standard_D2s_v3
            """
        },
        {"limits": {"timeout": 3600}},
    ),
    "anchors": (
        {
            "job.yml": """
            command: echo
            environment: {image: python}
            inputs: {a: &text "shared", b: *text}
            """
        },
        {"inputs": {"a": "shared", "b": "shared"}},
    ),
    "JSON": (
        {"job.yml": '{\n\t"command": "echo \\u00fc",\n\t"environment": {"image": "python"}\n}\n'},
        {"command": "echo ü"},
    ),
    "a byte order mark": (
        {"job.yml": "\ufeffcommand: echo\nenvironment: {image: python}\n"},
        {"command": "echo"},
    ),
    "Windows line ends": (
        {"job.yml": "command: echo\r\nenvironment:\r\n  image: python\r\n"},
        {"command": "echo"},
    ),
}


@pytest.mark.parametrize(("files", "holds"), FORMS.values(), ids=FORMS)
def test_a_form_people_write(files: dict[str, str], holds: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    file = read_job(written(tmp_path / "jobs", files))
    for name, value in holds.items():
        assert file.document[name] == value
    job = parse_job(file.document)
    assert render_command(job).script
    assert file.folder == tmp_path / "jobs"
    assert file.code == (file.folder / job.code if job.code else None)


def test_local_inputs_are_found_from_the_files_folder(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    file = read_job(written(tmp_path / "jobs", FORMS["local file"][0]))
    assert file.local_inputs == {"iris_csv": tmp_path / "data/iris.csv"}
    folder = read_job(written(tmp_path / "jobs", FORMS["local folder"][0]))
    assert folder.local_inputs == {"data_dir": tmp_path / "jobs/data"}


def test_data_in_a_datastore_is_not_local(tmp_path: Path) -> None:
    file = read_job(written(tmp_path, FORMS["data in a datastore"][0]))
    assert file.local_inputs == {}


def test_a_file_can_be_the_code(tmp_path: Path) -> None:
    job = "command: python t.py\ncode: ./t.py\nenvironment: {image: python}\n"
    file = read_job(written(tmp_path, {"job.yml": job, "t.py": ""}))
    assert file.code == tmp_path / "t.py"
