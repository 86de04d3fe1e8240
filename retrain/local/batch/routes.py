"""The table of operations: name (the SDK's), verb, path, and the function that does it.

`{x}` stands for one part of the path, `{x*}` for the rest of it. Names are what calls are
counted under.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from retrain.local.batch.errors import Refused
from retrain.local.batch.operations import (
    account,
    autoscale,
    files,
    jobs,
    node_access,
    nodes,
    pools,
    schedules,
    tasks,
)
from retrain.local.batch.service import Service
from retrain.local.batch.wire import Request, Response

Operation = Callable[[Service, Request], Response | Awaitable[Response]]

OPERATIONS: Final[tuple[tuple[str, str, str, Operation], ...]] = (
    ("create_pool", "POST", "pools", pools.create),
    ("list_pools", "GET", "pools", pools.list_all),
    ("get_pool", "GET", "pools/{pool}", pools.get),
    ("pool_exists", "HEAD", "pools/{pool}", pools.exists),
    ("update_pool", "PATCH", "pools/{pool}", pools.patch),
    ("delete_pool", "DELETE", "pools/{pool}", pools.delete),
    ("resize_pool", "POST", "pools/{pool}/resize", pools.resize),
    ("stop_pool_resize", "POST", "pools/{pool}/stopresize", pools.stop_resize),
    ("enable_pool_auto_scale", "POST", "pools/{pool}/enableautoscale", autoscale.enable),
    ("disable_pool_auto_scale", "POST", "pools/{pool}/disableautoscale", autoscale.disable),
    ("evaluate_pool_auto_scale", "POST", "pools/{pool}/evaluateautoscale", autoscale.evaluate),
    ("remove_nodes", "POST", "pools/{pool}/removenodes", nodes.remove),
    (
        *("replace_pool_properties", "POST", "pools/{pool}/updateproperties"),
        pools.replace_properties,
    ),
    ("list_pool_node_counts", "GET", "nodecounts", account.node_counts),
    ("list_supported_images", "GET", "supportedimages", account.supported_images),
    ("list_pool_usage_metrics", "GET", "poolusagemetrics", account.usage_metrics),
    ("list_applications", "GET", "applications", account.list_applications),
    ("get_application", "GET", "applications/{application}", account.get_application),
    ("list_nodes", "GET", "pools/{pool}/nodes", nodes.list_all),
    ("get_node", "GET", "pools/{pool}/nodes/{node}", nodes.get),
    ("reboot_node", "POST", "pools/{pool}/nodes/{node}/reboot", nodes.reboot),
    ("reimage_node", "POST", "pools/{pool}/nodes/{node}/reimage", nodes.reimage),
    ("start_node", "POST", "pools/{pool}/nodes/{node}/start", nodes.start),
    ("deallocate_node", "POST", "pools/{pool}/nodes/{node}/deallocate", nodes.deallocate),
    (
        *("disable_node_scheduling", "POST", "pools/{pool}/nodes/{node}/disablescheduling"),
        nodes.disable_scheduling,
    ),
    (
        *("enable_node_scheduling", "POST", "pools/{pool}/nodes/{node}/enablescheduling"),
        nodes.enable_scheduling,
    ),
    ("create_node_user", "POST", "pools/{pool}/nodes/{node}/users", node_access.create_user),
    (
        *("replace_node_user", "PUT", "pools/{pool}/nodes/{node}/users/{user}"),
        node_access.replace_user,
    ),
    (
        *("delete_node_user", "DELETE", "pools/{pool}/nodes/{node}/users/{user}"),
        node_access.delete_user,
    ),
    (
        *("get_node_remote_login_settings", "GET"),
        *("pools/{pool}/nodes/{node}/remoteloginsettings", node_access.remote_login),
    ),
    (
        *("upload_node_logs", "POST", "pools/{pool}/nodes/{node}/uploadbatchservicelogs"),
        node_access.upload_logs,
    ),
    (
        *("list_node_extensions", "GET", "pools/{pool}/nodes/{node}/extensions"),
        node_access.list_extensions,
    ),
    (
        *("get_node_extension", "GET", "pools/{pool}/nodes/{node}/extensions/{extension}"),
        node_access.get_extension,
    ),
    ("list_node_files", "GET", "pools/{pool}/nodes/{node}/files", files.list_of_node),
    ("download_node_file", "GET", "pools/{pool}/nodes/{node}/files/{file*}", files.get_of_node),
    (
        *("get_node_file_properties", "HEAD", "pools/{pool}/nodes/{node}/files/{file*}"),
        files.get_of_node,
    ),
    ("delete_node_file", "DELETE", "pools/{pool}/nodes/{node}/files/{file*}", files.delete_of_node),
    ("create_job", "POST", "jobs", jobs.create),
    ("list_jobs", "GET", "jobs", jobs.list_all),
    ("get_job", "GET", "jobs/{job}", jobs.get),
    ("update_job", "PATCH", "jobs/{job}", jobs.patch),
    ("replace_job", "PUT", "jobs/{job}", jobs.replace),
    ("delete_job", "DELETE", "jobs/{job}", jobs.delete),
    ("terminate_job", "POST", "jobs/{job}/terminate", jobs.terminate),
    ("disable_job", "POST", "jobs/{job}/disable", jobs.disable),
    ("enable_job", "POST", "jobs/{job}/enable", jobs.enable),
    ("get_job_task_counts", "GET", "jobs/{job}/taskcounts", jobs.task_counts),
    (
        "list_job_preparation_and_release_task_status",
        *("GET", "jobs/{job}/jobpreparationandreleasetaskstatus", jobs.preparation_status),
    ),
    ("create_job_schedule", "POST", "jobschedules", schedules.create),
    ("list_job_schedules", "GET", "jobschedules", schedules.list_all),
    ("get_job_schedule", "GET", "jobschedules/{schedule}", schedules.get),
    ("job_schedule_exists", "HEAD", "jobschedules/{schedule}", schedules.exists),
    ("update_job_schedule", "PATCH", "jobschedules/{schedule}", schedules.patch),
    ("replace_job_schedule", "PUT", "jobschedules/{schedule}", schedules.replace),
    ("delete_job_schedule", "DELETE", "jobschedules/{schedule}", schedules.delete),
    ("disable_job_schedule", "POST", "jobschedules/{schedule}/disable", schedules.disable),
    ("enable_job_schedule", "POST", "jobschedules/{schedule}/enable", schedules.enable),
    ("terminate_job_schedule", "POST", "jobschedules/{schedule}/terminate", schedules.terminate),
    ("list_jobs_from_schedule", "GET", "jobschedules/{schedule}/jobs", schedules.list_jobs),
    ("create_task", "POST", "jobs/{job}/tasks", tasks.create),
    ("create_task_collection", "POST", "jobs/{job}/addtaskcollection", tasks.create_many),
    ("list_tasks", "GET", "jobs/{job}/tasks", tasks.list_all),
    ("get_task", "GET", "jobs/{job}/tasks/{task}", tasks.get),
    ("replace_task", "PUT", "jobs/{job}/tasks/{task}", tasks.replace),
    ("delete_task", "DELETE", "jobs/{job}/tasks/{task}", tasks.delete),
    ("terminate_task", "POST", "jobs/{job}/tasks/{task}/terminate", tasks.terminate),
    ("reactivate_task", "POST", "jobs/{job}/tasks/{task}/reactivate", tasks.reactivate),
    ("list_subtasks", "GET", "jobs/{job}/tasks/{task}/subtasksinfo", tasks.list_subtasks),
    ("list_task_files", "GET", "jobs/{job}/tasks/{task}/files", files.list_of_task),
    ("download_task_file", "GET", "jobs/{job}/tasks/{task}/files/{file*}", files.get_of_task),
    (
        *("get_task_file_properties", "HEAD", "jobs/{job}/tasks/{task}/files/{file*}"),
        files.get_of_task,
    ),
    ("delete_task_file", "DELETE", "jobs/{job}/tasks/{task}/files/{file*}", files.delete_of_task),
)


@dataclass(slots=True)
class _Branch:
    """One step in the tree of paths."""

    words: dict[str, _Branch] = field(default_factory=dict)
    any_word: _Branch | None = None
    name: str = ""  # of the argument that led here
    rest: str = ""  # of the argument that takes all that follows
    verbs: dict[str, tuple[str, Operation]] = field(default_factory=dict)


def _tree() -> _Branch:
    root = _Branch()
    for name, verb, path, operation in OPERATIONS:
        branch = root
        for part in path.split("/"):
            branch = _step(branch, part)
        branch.verbs[verb] = (name, operation)
    return root


def _step(branch: _Branch, part: str) -> _Branch:
    if not part.startswith("{"):
        return branch.words.setdefault(part, _Branch())
    if branch.any_word is None:
        branch.any_word = _Branch(name=part.strip("{*}"))
        branch.any_word.rest = branch.any_word.name if "*" in part else ""
    return branch.any_word


_ROOT: Final = _tree()


def find(request: Request) -> tuple[str, Operation]:
    """The operation's name and function; fills in the request's arguments.

    Raises Refused InvalidUri, UnsupportedHttpVerb.
    """
    branch, arguments = _ROOT, {}
    parts = request.raw_path.strip("/").split("/")
    for index, raw in enumerate(parts):
        part = unquote(raw)
        follow = branch.words.get(part) or branch.any_word
        if follow is None:
            raise Refused("InvalidUri")
        branch = follow
        if branch.rest:
            arguments[branch.rest] = unquote("/".join(parts[index:]))
            break
        if branch.name:
            arguments[branch.name] = part
    found = branch.verbs.get(request.method)
    if found is None:
        raise Refused("UnsupportedHttpVerb" if branch.verbs else "InvalidUri")
    request.arguments = arguments
    return found
