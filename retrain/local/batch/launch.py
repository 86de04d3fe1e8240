"""From a task's specification to the execution a node can run: folders, environment, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from retrain.local.batch import durations
from retrain.local.batch.account import Account
from retrain.local.batch.execution import Execution, OutputFile, ResourceFile
from retrain.local.batch.job import Job
from retrain.local.batch.pool import ComputeNode
from retrain.local.batch.task import Task

PREPARATION = "jobpreparation"
RELEASE = "jobrelease"
START = "startup"


def node_root(account: Account, node_id: str) -> Path:
    """AZ_BATCH_NODE_ROOT_DIR of a node."""
    return account.folder / "nodes" / node_id


def task_execution(
    account: Account, task: Task, node: ComputeNode, told: Mapping[str, str] | None = None
) -> Execution:
    """What to run for a task on a node; `told` is more of the environment."""
    limit = (task.spec.get("constraints") or {}).get("maxWallClockTime")
    execution = _job_execution(account, task.job, node, task.spec, task.id, task.run_key, limit)
    return replace(execution, environment={**execution.environment, **told}) if told else execution


def preparation_execution(account: Account, job: Job, node: ComputeNode) -> Execution:
    """What to run for the job's preparation on a node."""
    spec = job.preparation or {}
    limit = (spec.get("constraints") or {}).get("maxWallClockTime")
    key = preparation_key(job, node.id)
    return _job_execution(account, job, node, spec, PREPARATION, key, limit)


def release_execution(account: Account, job: Job, node: ComputeNode) -> Execution:
    """What to run for the job's release on a node; 15 minutes at most, as on the service."""
    spec = job.release or {}
    limit = spec.get("maxWallClockTime") or "PT15M"
    key = release_key(job, node.id)
    return _job_execution(account, job, node, spec, RELEASE, key, limit)


def preparation_key(job: Job, node_id: str) -> str:
    """Names the run of the job's preparation on a node."""
    return f"{job.name}--{PREPARATION}--{node_id}"


def release_key(job: Job, node_id: str) -> str:
    """Names the run of the job's release on a node."""
    return f"{job.name}--{RELEASE}--{node_id}"


def start_key(node: ComputeNode) -> str:
    """Names the run of a node's start task; no task's key looks like it."""
    return f"{node.pool.id}--{START}--{node.id}"


def start_execution(account: Account, node: ComputeNode) -> Execution:
    """What to run before the node takes tasks; it belongs to no job, and may take its time."""
    root, spec = node_root(account, node.id), node.start_task or {}
    environment = _settings(spec) | _node_variables(account, node, root / START)
    return _execution(root, root / START, spec, start_key(node), environment, None)


def _job_execution(
    account: Account,
    job: Job,
    node: ComputeNode,
    spec: dict[str, Any],
    name: str,
    key: str,
    limit: str | None,
) -> Execution:
    root = node_root(account, node.id)
    task_dir = root / job.folder / name
    environment = _environment(account, job, node, spec, name, task_dir)
    return _execution(root, task_dir, spec, key, environment, limit)


def _execution(
    root: Path,
    task_dir: Path,
    spec: dict[str, Any],
    key: str,
    environment: dict[str, str],
    limit: str | None,
) -> Execution:
    container = spec.get("containerSettings") or {}
    return Execution(
        key=key,
        root=root,
        task_dir=task_dir,
        command_line=spec["commandLine"],
        environment=environment,
        image=container.get("imageName"),
        container_run_options=container.get("containerRunOptions") or "",
        resource_files=resource_files(spec.get("resourceFiles")),
        output_files=tuple(map(_output_file, spec.get("outputFiles") or ())),
        wall_clock_seconds=durations.seconds(limit) if limit else None,
    )


def _environment(
    account: Account,
    job: Job,
    node: ComputeNode,
    spec: dict[str, Any],
    name: str,
    task_dir: Path,
) -> dict[str, str]:
    common = {"environmentSettings": job.spec.get("commonEnvironmentSettings")}
    environment = _settings(common) | _settings(spec) | _node_variables(account, node, task_dir)
    environment["AZ_BATCH_JOB_ID"] = job.id
    environment["AZ_BATCH_TASK_ID"] = spec.get("id") or name
    if job.preparation:
        prepared = node_root(account, node.id) / job.folder / PREPARATION
        environment["AZ_BATCH_JOB_PREP_DIR"] = str(prepared)
        environment["AZ_BATCH_JOB_PREP_WORKING_DIR"] = str(prepared / "wd")
    return environment


def _settings(spec: dict[str, Any]) -> dict[str, str]:
    settings = spec.get("environmentSettings") or ()
    return {setting["name"]: setting.get("value") or "" for setting in settings}


def _node_variables(account: Account, node: ComputeNode, task_dir: Path) -> dict[str, str]:
    """What every command on a node finds in its environment."""
    root = node_root(account, node.id)
    return {
        "AZ_BATCH_ACCOUNT_NAME": account.name,
        "AZ_BATCH_ACCOUNT_URL": f"{account.endpoint}/",
        "AZ_BATCH_POOL_ID": node.pool.id,
        "AZ_BATCH_NODE_ID": node.id,
        "AZ_BATCH_NODE_IS_DEDICATED": "true" if node.dedicated else "false",
        "AZ_BATCH_TASK_DIR": str(task_dir),
        "AZ_BATCH_TASK_WORKING_DIR": str(task_dir / "wd"),
        "AZ_BATCH_NODE_ROOT_DIR": str(root),
        "AZ_BATCH_NODE_SHARED_DIR": str(root / "shared"),
        "AZ_BATCH_NODE_STARTUP_DIR": str(root / START),
        "AZ_BATCH_CERTIFICATES_DIR": str(task_dir / "certs"),
    }


def resource_files(specs: Sequence[dict[str, Any]] | None) -> tuple[ResourceFile, ...]:
    """The files of a specification."""
    return tuple(map(_resource_file, specs or ()))


def node_document(task: Task, node: ComputeNode) -> dict[str, str]:
    """The property nodeInfo of a task there."""
    folder = f"{task.job.folder}/{task.id}"
    return {
        "affinityId": f"TVM:{node.id}",
        "nodeUrl": node.url,
        "poolId": node.pool.id,
        "nodeId": node.id,
        "taskRootDirectory": folder,
        "taskRootDirectoryUrl": f"{node.url}/files/{folder}",
    }


def _resource_file(spec: dict[str, Any]) -> ResourceFile:
    return ResourceFile(
        http_url=spec.get("httpUrl"),
        storage_container_url=spec.get("storageContainerUrl"),
        blob_prefix=spec.get("blobPrefix"),
        file_path=spec.get("filePath"),
        file_mode=spec.get("fileMode"),
    )


def _output_file(spec: dict[str, Any]) -> OutputFile:
    container = spec["destination"]["container"]
    return OutputFile(
        pattern=spec["filePattern"],
        container_url=container["containerUrl"],
        path=container.get("path"),
        condition=spec["uploadOptions"]["uploadCondition"].lower(),
        headers=tuple(
            (header["name"].lower(), header.get("value") or "")
            for header in container.get("uploadHeaders") or ()
        ),
    )
