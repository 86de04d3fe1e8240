"""What a script needs for its logging to reach us, as variables: nothing in it has to be set up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.app.experiments import experiment_id
from shared.app.orders import DEFAULT_TIMEOUT
from shared.app.tracking_tokens import Tokens
from shared.domain.run import Run
from shared.domain.tracked import Tracked

#: MLflow's routes below the app's address.
ROUTE: Final = "/api/mlflow"
#: Bytes: from here on an artifact goes in parts straight to Blob Storage.
DIRECT: Final = 8 * 1024 * 1024
#: Waiting for a node, images and downloads, beyond the script's own limit.
_AROUND: Final = timedelta(days=1)
#: Without these a client whose server is away tries for minutes; so it is one at the most.
_PATIENCE: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
}
_PARTS: Final = {
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
    "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(DIRECT),
}


@dataclass(frozen=True, slots=True)
class ScriptTracking:
    """url: where scripts reach the app, "" when they can't: then they are not tracked."""

    tokens: Tokens
    url: str

    def variables(self, run: Run) -> Mapping[str, str]:
        """Of the run's present attempt. The same attempt has the same, however often it is asked.

        A job that brings an MLFLOW_TRACKING_URI of its own gets none: its server has no such run,
        and shall not see our token.
        """
        own = run.job.environment_variables
        if not self.url or "MLFLOW_TRACKING_URI" in own:
            return {}
        limit = run.job.limits.timeout
        lasting = timedelta(seconds=limit) if limit else DEFAULT_TIMEOUT
        until = run.timeline[-1].at + lasting + _AROUND
        experiment = run.job.experiment_name
        return {
            "MLFLOW_TRACKING_URI": self.url + ROUTE,
            "MLFLOW_TRACKING_TOKEN": self.tokens.for_attempt(Tracked(run.name, run.attempt), until),
            "MLFLOW_RUN_ID": run.name,
            "MLFLOW_EXPERIMENT_ID": experiment_id(experiment),
            "MLFLOW_EXPERIMENT_NAME": experiment,
            **_PATIENCE,
            **_PARTS,
        }
