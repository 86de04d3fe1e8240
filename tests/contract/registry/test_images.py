"""The port over a real registry and canned ACR Tasks: finding, building, looking, reading logs."""

import gzip
import hashlib
import io
import tarfile
from datetime import timedelta
from typing import Any

import pytest
from azure.core.credentials import TokenCredential

from shared.azure.batch_models import Node, job_for, task_for
from shared.azure.registry_images import REPOSITORY, RegistryImages, login_server
from shared.azure.registry_tasks import RegistryTasks
from shared.domain.errors import Refused, Transient
from shared.jobs import parse_job
from shared.jobs.images import Recipe
from shared.ports.compute import Order
from shared.ports.files import SNAPSHOTS
from shared.ports.images import BuildSeen
from tests.contract.registry.conftest import Cloud, Registries, lookup
from tests.factories import a_job_to_build
from tests.simulation.twins.files import SimulatedFiles, SimulatedLinks

REGISTRY_ID = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/retrain"
)
SCHEDULE = f"POST {REGISTRY_ID}/scheduleRun"
RUN = f"GET {REGISTRY_ID}/runs/ca1"
LOG = f"POST {REGISTRY_ID}/runs/ca1/listLogSasUrl"
CONDA = a_job_to_build().environment.recipe
CONTEXT = Recipe.of_context("a" * 64, "docker/Dockerfile", {"BASE": "python:3.11"})


def tasks(cloud: Cloud, identity: TokenCredential) -> RegistryTasks:
    return RegistryTasks(REGISTRY_ID, lambda: identity, cloud.url, backoff=0.01)


def an_adapter(
    cloud: Cloud, identity: TokenCredential, own: str = "", *shared: str
) -> tuple[RegistryImages, SimulatedFiles]:
    files = SimulatedFiles()
    own = own or f"127.0.0.1:{cloud.port}"
    servers = [lookup(server, identity) for server in (own, *shared)]
    adapter = RegistryImages(
        servers[0], servers[1:], tasks(cloud, identity), files, SimulatedLinks()
    )
    return adapter, files


def test_an_image_is_found_in_the_own_registry_first_then_in_shared_ones(
    registries: Registries, cloud: Cloud, identity: TokenCredential
) -> None:
    images, _ = an_adapter(cloud, identity, registries.guarded, registries.open)
    assert images.find(CONDA) is None
    registries.push(REPOSITORY, CONDA.key)
    assert images.find(CONDA) == f"{registries.guarded}/{REPOSITORY}:{CONDA.key}"
    cloud.answers[f"HEAD /v2/{REPOSITORY}/manifests/{CONDA.key}"] = [(404, {})]
    images, _ = an_adapter(cloud, identity, "", registries.open)
    assert images.find(CONDA) == f"{registries.open}/{REPOSITORY}:{CONDA.key}"


def test_a_curated_image_is_public(cloud: Cloud, identity: TokenCredential) -> None:
    images, _ = an_adapter(cloud, identity)
    name = "azureml://registries/azureml/environments/sklearn-1.5/versions/27"
    recipe = parse_job({"command": "x", "environment": name}).environment.recipe
    assert images.find(recipe) == "mcr.microsoft.com/azureml/curated/sklearn-1.5:27"
    assert cloud.asked == []


def test_a_conda_file_is_built_from_docker_steps_in_the_snapshots(
    cloud: Cloud, identity: TokenCredential
) -> None:
    cloud.answers[SCHEDULE] = [(200, {"properties": {"runId": "ca1", "status": "Queued"}})]
    images, files = an_adapter(cloud, identity)
    assert images.begin(CONDA) == "ca1"
    (asked,) = (one for one in cloud.asked if one.what == SCHEDULE)
    assert asked.headers["Authorization"] == "Bearer entra"
    assert asked.body["type"] == "DockerBuildRequest"
    assert asked.body["imageNames"] == [f"{REPOSITORY}:{CONDA.key}"]
    assert asked.body["isPushEnabled"] is True
    ((_, path),) = files.blobs
    assert asked.body["sourceLocation"].startswith(f"https://blobs.invalid/snapshots/{path}?")
    archive = gzip.decompress(files.read(SNAPSHOTS, path))
    assert path == f"contexts/{hashlib.sha256(archive).hexdigest()}.tar.gz"
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        dockerfile = tar.extractfile(asked.body["dockerFilePath"])
        assert dockerfile is not None
        assert dockerfile.read().decode().startswith(f"FROM {CONDA.image}\n")
        assert {"environment.yml", "requirements.txt", "install.sh"} <= set(tar.getnames())


def test_a_build_context_is_built_where_it_was_uploaded(
    cloud: Cloud, identity: TokenCredential
) -> None:
    cloud.answers[SCHEDULE] = [(202, {"name": "ca1"})]
    images, files = an_adapter(cloud, identity)
    assert images.begin(CONTEXT) == "ca1"
    asked = cloud.asked[-1].body
    assert f"contexts/{'a' * 64}.tar.gz?" in asked["sourceLocation"]
    assert asked["dockerFilePath"] == "docker/Dockerfile"
    assert asked["arguments"] == [{"name": "BASE", "value": "python:3.11", "isSecret": False}]
    assert files.blobs == {}


STATES: dict[str, tuple[dict[str, Any], BuildSeen]] = {
    **{
        word: ({"status": word}, BuildSeen("building")) for word in ("Queued", "Started", "Running")
    },
    "Succeeded": ({"status": "Succeeded"}, BuildSeen("ready")),
    "Failed": (
        {"status": "Failed", "runErrorMessage": "failed to run step ID: build"},
        BuildSeen(
            "failed", "ACR run ca1 ended as Failed. failed to run step ID: build", explained=False
        ),
    ),
    "Timeout": (
        {"status": "Timeout"},
        BuildSeen("failed", "ACR run ca1 ended as Timeout.", explained=False),
    ),
    "Canceled": (
        {"status": "Canceled"},
        BuildSeen("failed", "ACR run ca1 ended as Canceled.", explained=False),
    ),
}


@pytest.mark.parametrize(("properties", "seen"), STATES.values(), ids=STATES)
def test_how_a_run_stands(
    cloud: Cloud, identity: TokenCredential, properties: dict[str, Any], seen: BuildSeen
) -> None:
    cloud.answers[RUN] = [(200, {"properties": properties})]
    assert tasks(cloud, identity).look("ca1") == seen


def test_a_run_that_is_gone_is_told_apart(cloud: Cloud, identity: TokenCredential) -> None:
    assert tasks(cloud, identity).look("ca1") is None
    assert tasks(cloud, identity).log("ca1", 0, 100) == b""


def test_the_log_is_read_by_its_own_address_and_without_our_token(
    cloud: Cloud, identity: TokenCredential
) -> None:
    link = {"logLink": f"{cloud.url}/logs/ca1?sig=x"}
    cloud.answers[LOG] = [(200, link)] * 4
    asking = tasks(cloud, identity)
    assert asking.log("ca1", 0, 100) == b"", "not written yet"
    cloud.blobs["/logs/ca1"] = b"Step 1/2\nStep 2/2\n"
    assert asking.log("ca1", 0, 9) == b"Step 1/2\n"
    assert asking.log("ca1", 9, 100) == b"Step 2/2\n"
    assert asking.log("ca1", 18, 100) == b""
    assert all("Authorization" not in one.headers for one in cloud.asked if "/logs/" in one.what)


REFUSALS: dict[str, tuple[int, type[Exception], str]] = {
    "not signed in": (401, Refused, "AuthenticationFailed"),
    "no right": (403, Refused, "AuthorizationFailed"),
    "throttled": (429, Transient, "TooManyRequests"),
    "away": (503, Transient, "ServerBusy"),
}


@pytest.mark.parametrize(("status", "kind", "code"), REFUSALS.values(), ids=REFUSALS)
def test_arm_that_refuses_is_named(
    cloud: Cloud, identity: TokenCredential, status: int, kind: type[Exception], code: str
) -> None:
    cloud.answers[SCHEDULE] = [(status, {"error": {"code": code, "message": "No."}})] * 10
    with pytest.raises(kind, match="Azure Container Registry") as refused:
        an_adapter(cloud, identity)[0].begin(CONTEXT)
    assert getattr(refused.value, "code") == code  # noqa: B009  mypy knows only Exception


def test_a_node_gets_a_short_lived_login_to_our_registries_only(
    cloud: Cloud, identity: TokenCredential
) -> None:
    images, _ = an_adapter(cloud, identity)
    own = f"127.0.0.1:{cloud.port}"
    login = images.login(f"{own}/{REPOSITORY}:x")
    assert login is not None
    assert (login.registry_server, login.password) == (own, "refresh")
    assert images.login("python:3.11") is None
    assert images.login("docker.io/library/python") is None
    order = Order(
        key="r-1",
        run="r",
        image=f"{own}/{REPOSITORY}:x",
        script="true",
        variables={},
        inputs=[],
        snapshot=None,
        timeout=timedelta(hours=1),
    )
    node = Node("Standard_D2s_v3", "p", "o", "s", "agent")
    links: Any = _NoLinks()
    job, task = job_for(order, links, node, login), task_for(order, links, login)
    pool = job.pool_info.auto_pool_specification
    assert pool is not None
    assert pool.pool is not None
    machine = pool.pool.virtual_machine_configuration
    assert machine is not None
    assert machine.container_configuration is not None
    assert machine.container_configuration.container_registries == [login]
    assert task.container_settings is not None
    assert task.container_settings.registry == login


class _NoLinks:
    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: "https://blobs.invalid/outputs?sig=x"


def test_the_server_is_read_off_the_registry_s_id() -> None:
    assert login_server(REGISTRY_ID) == "retrain.azurecr.io"
    for bad in ("retrain.azurecr.io", "/subscriptions/s", f"{REGISTRY_ID}/x"):
        with pytest.raises(Refused, match="no container registry's ARM id"):
            login_server(bad)
