"""Files of tasks: live, in parts, listed, and nothing outside the task's folder."""

from pathlib import Path

import pytest
from azure.batch import BatchClient
from azure.core.exceptions import ResourceNotFoundError

from tests.contract.batch.conftest import (
    add_task,
    auto_pool,
    code_of,
    completed,
    delete_job,
    make_job,
    read,
    refusal,
    started,
)


@pytest.fixture(scope="module")
def job(client: BatchClient) -> str:
    job = make_job(client)
    add_task(client, job, "printf 0123456789; mkdir -p a/b; printf xyz > 'a/b/c d.txt'; : > empty")
    completed(client, job)
    return job


def test_whole_and_in_parts(client: BatchClient, job: str) -> None:
    assert read(client, job, "stdout.txt") == b"0123456789"
    assert read(client, job, "stdout.txt", ocp_range="bytes=2-4") == b"234"
    assert read(client, job, "stdout.txt", ocp_range="bytes=7-") == b"789"
    assert read(client, job, "stdout.txt", ocp_range="bytes=7-99") == b"789"
    assert read(client, job, "wd/a/b/c d.txt") == b"xyz"
    assert read(client, job, "wd/empty") == b""


def test_a_range_behind_the_end_is_refused(client: BatchClient, job: str) -> None:
    error = refusal(lambda: read(client, job, "stdout.txt", ocp_range="bytes=10-"))
    assert error.status_code == 416


def test_properties(client: BatchClient, job: str) -> None:
    about = client.get_task_file_properties(job, "t", "stdout.txt")
    assert (about.content_length, about.is_directory) == (10, False)
    assert about.last_modified is not None
    assert str(about.url).endswith(f"/jobs/{job}/tasks/t/files/stdout.txt")
    assert client.get_task_file_properties(job, "t", "wd").is_directory


def test_lists(client: BatchClient, job: str) -> None:
    shallow = {file.name: file for file in client.list_task_files(job, "t")}
    assert {"stdout.txt", "stderr.txt", "wd"} <= set(shallow)
    properties = shallow["stdout.txt"].properties
    assert properties is not None
    assert properties.content_length == 10
    deep = [file.name for file in client.list_task_files(job, "t", recursive=True)]
    assert "wd/a/b/c d.txt" in deep
    found = client.list_task_files(job, "t", recursive=True, filter="startswith(name, 'wd/a/')")
    assert [file.name for file in found] == ["wd/a/b", "wd/a/b/c d.txt"]


@pytest.mark.parametrize("path", ["nothing.txt", "../../../../../../../etc/passwd", "/etc/passwd"])
def test_what_is_not_there(client: BatchClient, job: str, path: str) -> None:
    error = refusal(lambda: read(client, job, path))
    assert isinstance(error, ResourceNotFoundError)


def test_a_link_out_of_the_folder_is_not_followed(client: BatchClient, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s")
    job = make_job(client)
    add_task(client, job, f"ln -s {secret} link; ln -s stdout.txt ../fine")
    completed(client, job)
    assert isinstance(refusal(lambda: read(client, job, "wd/link")), ResourceNotFoundError)
    assert read(client, job, "fine") == b""
    delete_job(client, job)


def test_a_task_that_never_ran_has_no_files(client: BatchClient) -> None:
    job = make_job(client, pool_info=auto_pool(nodes=0))
    add_task(client, job)
    assert code_of(refusal(lambda: read(client, job, "stdout.txt"))) == "TaskFilesUnavailable"
    delete_job(client, job)


def test_a_live_file_is_read_as_it_grows(client: BatchClient, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    job = make_job(client)
    add_task(client, job, f"echo one; while ! test -e {flag}; do sleep 0.02; done; echo two")
    started(client, job, line=b"one")
    assert client.get_task_file_properties(job, "t", "stdout.txt").content_length == 4
    flag.touch()
    completed(client, job)
    assert read(client, job, "stdout.txt", ocp_range="bytes=4-") == b"two\n"
    delete_job(client, job)


def test_deleting(client: BatchClient) -> None:
    job = make_job(client)
    add_task(client, job, "mkdir d; touch d/f")
    completed(client, job)
    assert refusal(lambda: client.delete_task_file(job, "t", "wd/d")).status_code == 400
    client.delete_task_file(job, "t", "wd/d", recursive=True)
    assert [file.name for file in client.list_task_files(job, "t", recursive=True)] == [
        *("stderr.txt", "stdout.txt", "wd")
    ]
    delete_job(client, job)
