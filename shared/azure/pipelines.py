"""azure-core's pipelines for services that have no SDK of their own here."""

from typing import Any

from azure.core import PipelineClient
from azure.core.pipeline.policies import HTTPPolicy, RetryPolicy, UserAgentPolicy

from shared.azure.errors import RETRIES


def pipeline(
    base: str, authentication: "HTTPPolicy[Any, Any] | None" = None, backoff: float = 0.8
) -> "PipelineClient[Any, Any]":
    """With the SDKs' retries. backoff: their factor, in seconds.

    The policies are listed: what PipelineClient takes by keyword besides is not put in.
    """
    retries: RetryPolicy[Any, Any] = RetryPolicy(retry_total=RETRIES, retry_backoff_factor=backoff)
    policies: list[Any] = [UserAgentPolicy(base_user_agent="retrain"), retries]
    return PipelineClient(base, policies=policies + ([authentication] if authentication else []))
