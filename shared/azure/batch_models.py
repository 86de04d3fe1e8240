"""An order in Azure Batch's words: a job with an auto pool, its preparation, and one task.

The node runs nothing home-made: Batch downloads the snapshot and the inputs, Python unpacks, the
image's shell runs the script, and Batch uploads what it left.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from azure.batch import models as batch

from shared.azure.blob_links import BlobLinks
from shared.domain.keys import BATCH_PREFIX
from shared.node import LEFT, RESTORED
from shared.ports.compute import InputFile, Order, OutputPlace
from shared.ports.files import OUTPUTS, SNAPSHOTS

TASK: Final = "train"
#: Metadata of jobs and pools, so that the watch knows whose they are: an auto pool's id is Batch's
#: own, behind a prefix of 20 characters at most.
RUN: Final = "retrain-run"
ATTEMPT: Final = "retrain-attempt"
#: Metadata of a named compute's pool: whose it is, and a digest of what can't be changed of it.
COMPUTE: Final = "retrain-compute"
SHAPE: Final = "retrain-shape"
#: Allocation, image pull, download and upload, beyond the script's own limit.
AROUND: Final = timedelta(hours=1)
#: The same on shared nodes, where a run may wait for others to end. With the longest script there
#: is it stays below 7 days, for which a user delegation key signs.
AROUND_SHARED: Final = timedelta(hours=23)

#: What the node runs to unpack the snapshot; it stands for itself, so its text can travel.
_UNPACK: Final = Path(__file__).with_name("unpack.py").read_text(encoding="utf-8")


#: The release of a job on shared nodes: its code goes with it. On a node of its own there is a
#: release task only for the pool to be told. Both need a preparation task.
_FORGET: Final = """/bin/sh -c 'rm -rf "$AZ_BATCH_JOB_PREP_WORKING_DIR/code"'"""

#: On every node of several, before the script runs on the first: it is begun on the others.
_COORDINATE: Final = """
[ "$AZ_BATCH_IS_CURRENT_NODE_MASTER" = true ] && exit 0
nohup /bin/sh -c 'eval "$RETRAIN_SCRIPT"' > "$AZ_BATCH_TASK_DIR/launcher.txt" 2>&1 < /dev/null &
exit 0
"""

#: The address of the container, for the program on the node that keeps checkpoints.
CHECKPOINTS: Final = "RETRAIN_CHECKPOINTS"
#: On a task whose job has a preparation task: the blob that it unpacks.
_PREPARED: Final = "RETRAIN_CODE"


@dataclass(frozen=True, slots=True)
class Node:
    """What a node is made of: a VM size for jobs that name none, a marketplace image, its agent.

    subnet: ARM id of the subnet that it joins; "" is none.
    """

    vm_size: str
    publisher: str
    offer: str
    sku: str
    agent: str
    subnet: str = ""


def job_id(key: str) -> str:
    return BATCH_PREFIX + key


def pool_id(compute: str) -> str:
    """The pool of a named compute, by its key. Batch's ids have 64 characters at most."""
    return f"{BATCH_PREFIX}compute-{compute}"


def lasting(order: Order) -> timedelta:
    """For how long the attempt's job may be there, and its addresses be good."""
    return order.timeout + (AROUND_SHARED if order.compute else AROUND)


def job_for(
    order: Order,
    links: BlobLinks,
    node: Node,
    login: batch.ContainerRegistryReference | None = None,
) -> batch.BatchJobCreateOptions:
    """login: to the registry that holds the order's image, when it is ours."""
    mine = [
        batch.BatchMetadataItem(name=RUN, value=order.run),
        batch.BatchMetadataItem(name=ATTEMPT, value=order.key),
    ]
    return batch.BatchJobCreateOptions(
        id=job_id(order.key),
        metadata=mine,
        constraints=batch.BatchJobConstraints(max_wall_clock_time=lasting(order)),
        priority=order.priority,
        all_tasks_complete_mode=batch.BatchAllTasksCompleteMode.NO_ACTION,
        job_preparation_task=_preparation(order, links) if order.snapshot else None,
        job_release_task=batch.BatchJobReleaseTask(
            command_line=_FORGET if order.compute else "/bin/true"
        )
        if order.snapshot
        else None,
        pool_info=_pool_info(order, node, mine, login),
    )


def _pool_info(
    order: Order,
    node: Node,
    mine: list[batch.BatchMetadataItem],
    login: batch.ContainerRegistryReference | None,
) -> batch.BatchPoolInfo:
    if order.compute:
        return batch.BatchPoolInfo(pool_id=pool_id(order.compute))
    return batch.BatchPoolInfo(
        auto_pool_specification=batch.BatchAutoPoolSpecification(
            auto_pool_id_prefix=BATCH_PREFIX,
            pool_lifetime_option=batch.BatchPoolLifetimeOption.JOB,
            keep_alive=False,
            pool=_pool(order, node, mine, login),
        )
    )


def task_for(
    order: Order, links: BlobLinks, login: batch.ContainerRegistryReference | None = None
) -> batch.BatchTaskCreateOptions:
    """login: as in job_for; a shared pool has none of its own."""
    variables = {**order.variables, "RETRAIN_SCRIPT": order.script}
    if order.snapshot:
        variables[_PREPARED] = order.snapshot
    if order.nodes > 1:
        variables["RETRAIN_COORDINATE"] = _COORDINATE
    inputs = [_input(file, links, lasting(order)) for file in order.inputs]
    if order.checkpoints:
        kept = links.keeping(order.checkpoints, lasting(order))
        variables[CHECKPOINTS] = kept
        # Batch looks there each time that it starts the task, on whatever node.
        inputs.append(batch.ResourceFile(storage_container_url=kept, file_path=RESTORED))
    return batch.BatchTaskCreateOptions(
        id=TASK,
        # The script travels as a variable: no quoting of Batch's or ours can break it.
        command_line="""/bin/sh -c 'eval "$RETRAIN_SCRIPT"'""",
        container_settings=batch.BatchTaskContainerSettings(
            image_name=order.image,
            container_run_options=order.container_options or None,
            registry=login,
        ),
        multi_instance_settings=_instances(order, inputs) if order.nodes > 1 else None,
        environment_settings=[
            batch.EnvironmentSetting(name=name, value=value) for name, value in variables.items()
        ],
        resource_files=inputs if order.nodes == 1 else None,
        output_files=_outputs(order, links, lasting(order)),
        constraints=batch.BatchTaskConstraints(
            max_wall_clock_time=order.timeout, max_task_retry_count=0
        ),
    )


def _instances(order: Order, inputs: list[batch.ResourceFile]) -> batch.MultiInstanceSettings:
    """Inputs are on all nodes: as the task's own they would only be on the first."""
    return batch.MultiInstanceSettings(
        number_of_instances=order.nodes,
        coordination_command_line="""/bin/sh -c 'eval "$RETRAIN_COORDINATE"'""",
        common_resource_files=inputs or None,
    )


def is_prepared(task: batch.BatchTask) -> bool:
    """Whether the task's job has a preparation task, by the task's own settings."""
    return any(setting.name == _PREPARED for setting in task.environment_settings or ())


def _pool(
    order: Order,
    node: Node,
    mine: list[batch.BatchMetadataItem],
    login: batch.ContainerRegistryReference | None,
) -> batch.BatchPoolSpecification:
    spot = order.tier == "low_priority"
    return batch.BatchPoolSpecification(
        vm_size=order.vm_size or node.vm_size,
        virtual_machine_configuration=machine(node, [order.image], [login] if login else None),
        target_dedicated_nodes=0 if spot else order.nodes,
        target_low_priority_nodes=order.nodes if spot else 0,
        network_configuration=network(node),
        enable_inter_node_communication=order.nodes > 1,
        metadata=mine,
    )


def machine(
    node: Node,
    images: list[str],
    logins: list[batch.ContainerRegistryReference] | None = None,
) -> batch.VirtualMachineConfiguration:
    """A node's machine. images: those it has from the start; others are pulled by their tasks.
    logins: to the registries of those images."""
    return batch.VirtualMachineConfiguration(
        image_reference=batch.BatchVmImageReference(
            publisher=node.publisher, offer=node.offer, sku=node.sku
        ),
        node_agent_sku_id=node.agent,
        container_configuration=batch.BatchContainerConfiguration(
            type=batch.ContainerType.DOCKER_COMPATIBLE,
            container_image_names=images,
            container_registries=logins,
        ),
    )


def network(node: Node) -> batch.NetworkConfiguration | None:
    """The subnet that a pool's nodes join, without addresses of their own on the internet."""
    if not node.subnet:
        return None
    return batch.NetworkConfiguration(
        subnet_id=node.subnet,
        public_ip_address_configuration=batch.BatchPublicIpAddressConfiguration(
            ip_address_provisioning_type=batch.IpAddressProvisioningType.NO_PUBLIC_IP_ADDRESSES
        ),
    )


def _preparation(order: Order, links: BlobLinks) -> batch.BatchJobPreparationTask:
    assert order.snapshot is not None
    code = links.reading(SNAPSHOTS, order.snapshot, lasting(order))
    settings = {
        "RETRAIN_UNPACK": _UNPACK,
        "RETRAIN_SNAPSHOT": order.snapshot.removesuffix(".zip"),
    }
    return batch.BatchJobPreparationTask(
        # -I -S: the node's own site-packages would cost time and could only disturb.
        command_line="""/bin/sh -c 'exec python3 -I -S -c "$RETRAIN_UNPACK"'""",
        resource_files=[batch.ResourceFile(http_url=code, file_path="code.zip")],
        environment_settings=[
            batch.EnvironmentSetting(name=name, value=value) for name, value in settings.items()
        ],
        constraints=batch.BatchTaskConstraints(max_task_retry_count=0),
        wait_for_success=True,
    )


def _input(file: InputFile, links: BlobLinks, span: timedelta) -> batch.ResourceFile:
    if file.folder:
        container = file.public or links.reading_folder(file.container, span, file.account)
        return batch.ResourceFile(
            storage_container_url=container, blob_prefix=file.path, file_path=file.target
        )
    url = file.public or links.reading(file.container, file.path, span, file.account)
    return batch.ResourceFile(http_url=url, file_path=file.target)


def _elsewhere(place: OutputPlace, links: BlobLinks, span: timedelta) -> list[batch.OutputFile]:
    """Of a folder, also the files whose names begin with a dot: they are not among `*`."""
    container = links.dropping(place.container, span, place.account)
    if not place.folder:
        return [_output(place.source, container, place.path)]
    path = place.path.rstrip("/")
    return [_output(f"{place.source}/**/{names}", container, path) for names in ("*", ".*")]


def _left_checkpoints(
    container: str, links: BlobLinks, span: timedelta
) -> Iterator[batch.OutputFile]:
    """Those that the node could not keep while the script ran."""
    kept = links.dropping(container, span)
    for names in ("*", ".*"):
        yield _output(f"{LEFT}/**/{names}", kept, "")


def _outputs(order: Order, links: BlobLinks, span: timedelta) -> list[batch.OutputFile]:
    """The marker comes last: it tells that the rest is there."""
    ours = links.dropping(OUTPUTS, span)
    run, attempt = order.run, order.key.rpartition("-")[2]
    patterns = {
        "outputs/**/*": "outputs",
        "outputs/**/.*": "outputs",  # names with a dot in front are not among `*`
        "logs/**/*": "logs",
        "../stdout.txt": "stdout.txt",
        "../stderr.txt": "stderr.txt",
        "../ended.txt": "ended",
    }
    return [
        *(_left_checkpoints(order.checkpoints, links, span) if order.checkpoints else ()),
        *(file for place in order.outputs for file in _elsewhere(place, links, span)),
        *(_output(pattern, ours, f"{run}/{attempt}/{path}") for pattern, path in patterns.items()),
    ]


def _output(pattern: str, container: str, path: str) -> batch.OutputFile:
    """path: of the blob, or for a pattern with `*` the folder; the empty one is the container."""
    return batch.OutputFile(
        file_pattern=pattern,
        destination=batch.OutputFileDestination(
            container=batch.OutputFileBlobContainerDestination(
                container_url=container, path=path or None
            )
        ),
        upload_options=batch.OutputFileUploadConfiguration(
            upload_condition=batch.OutputFileUploadCondition.TASK_COMPLETION
        ),
    )
