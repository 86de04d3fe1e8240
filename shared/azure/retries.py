"""Asking again what was asked of Batch, whatever the method.

azure-core repeats a POST that was answered with 503, but not one whose connection failed: of a
service that is away for a second every creation would go back to the queue at once, ten times
within that second, and be given up. All that Retrain creates in Batch has an id of its own, and
"it exists" is success, so a POST is as safe to repeat as a PUT.
"""

from typing import Any, Final

from azure.core.pipeline.policies import RetryPolicy

_METHODS: Final = ["HEAD", "GET", "PUT", "DELETE", "POST", "PATCH"]


class RetryEveryMethod(RetryPolicy[Any, Any]):
    """azure-core's policy, for a service whose every request may be repeated."""

    def configure_retries(self, options: dict[str, Any]) -> dict[str, Any]:
        options.setdefault("retry_on_methods", _METHODS)
        return super().configure_retries(options)
