"""MLflow's own client, unmodified, as a script uses it."""

import math
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput
from mlflow.exceptions import MlflowException

from shared.domain.tracked import Point
from tests.contract.tracking.conftest import Served
from tests.factories import RUN


def test_a_script_without_any_set_up_is_tracked(script: Served) -> None:
    mlflow.log_metric("loss", 0.5)
    mlflow.log_metric("loss", 0.25, step=1)
    mlflow.log_param("depth", 3)
    mlflow.set_tag("colour", "red")
    scores = script.product.metrics.scores(RUN)
    assert scores.metrics["loss"].last.value == 0.25
    assert scores.metrics["loss"].max is not None
    assert scores.metrics["loss"].max.value == 0.5
    assert scores.facts.params == {"depth": "3"}
    assert scores.facts.tags["colour"] == "red"


def test_a_run_is_what_was_logged(script: Served) -> None:
    with mlflow.start_run(tags={"a": "b"}, description="why") as active:
        assert active.info.run_id == RUN
        mlflow.log_metrics({"rmse": 1.5, "nan": math.nan, "inf": -math.inf}, step=7)
        mlflow.log_params({"a": "x", "größe": "“ü”"})
        mlflow.log_metrics({"rmse": 1.25}, step=3)
    run = mlflow.get_run(RUN)
    assert run.data.metrics["rmse"] == 1.5
    assert math.isnan(run.data.metrics["nan"])
    assert run.data.metrics["inf"] == -math.inf
    assert run.data.params == {"a": "x", "größe": "“ü”"}
    assert run.data.tags["team"] == "red"
    assert run.data.tags["a"] == "b"
    assert run.data.tags["mlflow.note.content"] == "why"
    assert run.info.run_name == "the job"
    assert run.info.status == "RUNNING", "Retrain says when the run is over, not its script"


def test_the_history_is_whole_and_by_step(script: Served) -> None:
    for step in (2, 0, 1):
        mlflow.log_metric("loss", 1.0 / (step + 1), step=step)
    history = MlflowClient().get_metric_history(RUN, "loss")
    assert [(point.step, point.value) for point in history] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert MlflowClient().get_metric_history(RUN, "nothing") == []


def test_what_is_sent_twice_is_there_once(script: Served) -> None:
    for _ in range(2):
        MlflowClient().log_metric(RUN, "loss", 0.5, timestamp=5, step=1)
        MlflowClient().log_metric(RUN, "loss", math.nan, timestamp=5, step=1)
    points = script.product.metrics.history(RUN, "loss")
    assert points[0] == Point(1, 5, 0.5)
    assert math.isnan(points[1].value)
    assert len(points) == 2


def test_a_param_never_changes(script: Served) -> None:
    mlflow.log_param("depth", 3)
    mlflow.log_param("depth", 3)
    with pytest.raises(MlflowException, match="Changing param values is not allowed") as caught:
        mlflow.log_param("depth", 4)
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    with pytest.raises(MlflowException, match="not allowed"):
        mlflow.log_params({"new": 1, "depth": 4})
    assert mlflow.get_run(RUN).data.params == {"depth": "3"}


def test_a_tag_changes_and_goes(script: Served) -> None:
    mlflow.set_tags({"a": "1", "b": "2"})
    mlflow.set_tag("a", "3")
    mlflow.delete_tag("b")
    tags = mlflow.get_run(RUN).data.tags
    assert tags["a"] == "3"
    assert "b" not in tags
    with pytest.raises(MlflowException, match="no tag 'b'") as caught:
        mlflow.delete_tag("b")
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_artifacts_come_back_as_they_went(script: Served, tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "model 1 & 2.bin").write_bytes(bytes(range(256)))
    (tmp_path / "a" / "b" / "größe.txt").write_text("größer")
    mlflow.log_artifact(str(tmp_path / "a" / "model 1 & 2.bin"))
    mlflow.log_artifacts(str(tmp_path / "a"), artifact_path="all")
    mlflow.log_text("hello", "notes/hello.txt")
    mlflow.log_dict({"a": 1}, "config.json")
    listed = MlflowClient().list_artifacts(RUN)
    assert [(one.path, one.is_dir) for one in listed] == [
        ("all", True),
        ("config.json", False),
        ("model 1 & 2.bin", False),
        ("notes", True),
    ]
    below = MlflowClient().list_artifacts(RUN, "all")
    assert [one.path for one in below] == ["all/b", "all/model 1 & 2.bin"]
    assert MlflowClient().list_artifacts(RUN, "config.json") == []
    files = {file.path for file in script.ports.files.list("outputs", f"{RUN}/1/artifacts/")}
    assert f"{RUN}/1/artifacts/all/b/größe.txt" in files


@pytest.mark.parametrize("served", ["azure"], indirect=True)  # the twins' addresses lead nowhere
def test_a_large_artifact_goes_in_parts_past_the_app(script: Served, tmp_path: Path) -> None:
    script.environment.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", "1000")
    script.environment.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", "1000")
    content = bytes(range(256)) * 20
    (tmp_path / "large.bin").write_bytes(content)
    mlflow.log_artifact(str(tmp_path / "large.bin"), "models")
    where = mlflow.artifacts.download_artifacts(
        run_id=RUN, artifact_path="models/large.bin", dst_path=str(tmp_path / "back")
    )
    assert Path(where).read_bytes() == content


def test_nested_runs_are_children(script: Served) -> None:
    with mlflow.start_run():
        for depth in (1, 2):
            with mlflow.start_run(run_name=f"depth {depth}", nested=True):
                mlflow.log_param("depth", depth)
                mlflow.log_metric("rmse", depth / 10)
                mlflow.log_text(str(depth), "depth.txt")
    children = script.product.metrics.children(RUN)
    assert [child.facts.name for child in children] == ["depth 1", "depth 2"]
    assert [child.metrics["rmse"].last.value for child in children] == [0.1, 0.2]
    seen = mlflow.get_run(children[0].tracked.id)
    assert seen.info.status == "FINISHED"
    assert seen.info.end_time is not None
    assert seen.data.tags["mlflow.parentRunId"] == RUN
    assert seen.info.experiment_id == mlflow.get_run(RUN).info.experiment_id
    assert script.product.metrics.latest(RUN) == {}


def test_a_run_after_the_first_is_a_child_too(script: Served) -> None:
    with mlflow.start_run() as first:
        pass
    with mlflow.start_run(run_name="second") as second:
        mlflow.log_metric("m", 1)
    assert first.info.run_id == RUN
    assert [child.tracked.id for child in script.product.metrics.children(RUN)] == [
        second.info.run_id
    ]


def test_children_that_look_alike_are_two(script: Served) -> None:
    client = MlflowClient()
    experiment = mlflow.get_run(RUN).info.experiment_id
    ids = {client.create_run(experiment, start_time=1).info.run_id for _ in range(3)}
    assert len(ids) == 3


def test_experiments_are_found_by_name_and_id(script: Served) -> None:
    found = mlflow.get_experiment_by_name("wine")
    assert found is not None
    assert found.experiment_id == mlflow.get_run(RUN).info.experiment_id
    assert mlflow.get_experiment(found.experiment_id).name == "wine"
    assert mlflow.get_experiment_by_name("nothing") is None
    mlflow.set_experiment("wine")
    mlflow.log_metric("a", 1)
    assert {one.name for one in mlflow.search_experiments()} == {"Default", "wine"}


def test_a_new_experiment_is_not_the_jobs(script: Served) -> None:
    """As in MLflow: a run that there is stays in its experiment."""
    mlflow.set_experiment("other")
    assert {one.name for one in mlflow.search_experiments()} == {"Default", "other", "wine"}
    with pytest.raises(MlflowException, match="active experiment ID does not match"):
        mlflow.log_metric("a", 1)
    with pytest.raises(MlflowException, match="already exists"):
        mlflow.create_experiment("other")


def test_data_sets_that_a_script_names_are_kept(script: Served) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    given = Dataset("rows", "abc", "http", '{"url": "x"}')
    MlflowClient().log_inputs(RUN, [DatasetInput(given, [InputTag("context", "training")])])
    inputs = mlflow.get_run(RUN).inputs
    assert inputs is not None
    (kept,) = inputs.dataset_inputs
    assert (kept.dataset.name, kept.tags[0].value) == ("rows", "training")


def test_a_batch_as_large_as_may_be(script: Served) -> None:
    from mlflow.entities import Metric

    many = [Metric("m" * 250, n / 7, 1_700_000_000_000 + n, n) for n in range(1000)]
    MlflowClient().log_batch(RUN, metrics=many)
    assert len(script.product.metrics.history(RUN, "m" * 250)) == 1000
    mlflow.log_params({f"p{n}": "x" * 6000 for n in range(100)})
    assert len(mlflow.get_run(RUN).data.params) == 100


def test_logging_asynchronously(script: Served) -> None:
    with mlflow.start_run():
        for step in range(20):
            mlflow.log_metric("loss", step, step=step, synchronous=False)
        mlflow.flush_async_logging()
    assert len(script.product.metrics.history(RUN, "loss")) == 20


def test_a_model_is_logged(script: Served, tmp_path: Path) -> None:
    """What `mlflow.<flavor>.log_model` calls; the flavors themselves need their libraries."""
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    with mlflow.start_run():
        model = mlflow.initialize_logged_model(
            name="tree", params={f"p{n}": str(n) for n in range(150)}, tags={"a": "1"}
        )
        MlflowClient().log_model_artifacts(model.model_id, str(tmp_path))
        done = mlflow.finalize_logged_model(model.model_id, "READY")
        given = LoggedModelOutput(model.model_id, step=3)
        MlflowClient().log_outputs(RUN, [given])
    seen = mlflow.get_logged_model(model.model_id)
    assert (seen.name, seen.source_run_id, str(seen.status)) == ("tree", RUN, str(done.status))
    assert len(seen.params) == 150
    (found,) = MlflowClient().search_logged_models([seen.experiment_id], "name = 'tree'")
    assert not MlflowClient().search_logged_models([seen.experiment_id], "name = 'other'")
    assert found.model_id == model.model_id
    outputs = mlflow.get_run(RUN).outputs
    assert outputs is not None
    assert [(one.model_id, one.step) for one in outputs.model_outputs] == [(model.model_id, 3)]
    mlflow.set_logged_model_tags(model.model_id, {"b": "2"})
    mlflow.delete_logged_model_tag(model.model_id, "a")
    tags = mlflow.get_logged_model(model.model_id).tags
    assert {key: tags[key] for key in tags if "mlflow" not in key} == {"b": "2"}
    folder = f"{RUN}/1/artifacts/models/{model.model_id}/"
    kept = [file.path for file in script.ports.files.list("outputs", folder)]
    assert kept == [f"{folder}MLmodel"]
