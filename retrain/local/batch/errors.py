"""The service's refusals: one exception, and a table of codes with their status and text.

Clients tell errors apart by code (`error.model.code` in the SDK), so codes are the service's own.
"""

from __future__ import annotations

from typing import Final

_SHOWN: Final = 1000  # characters of a culprit

#: code -> (HTTP status, text)
CODES: Final = {
    "ApplicationNotFound": (404, "The specified application does not exist."),
    "AuthenticationFailed": (
        401,
        "Server failed to authenticate the request. Make sure the value of Authorization "
        "header is formed correctly including the signature.",
    ),
    "AutoScaleFormulaTooLong": (
        400,
        "The specified automatic scaling formula is too long. The maximum length is 8192 "
        "characters.",
    ),
    "AutoScalingFormulaSyntaxError": (
        400,
        "The specified automatic scaling formula has a syntax error.",
    ),
    "ConditionNotMet": (
        412,
        "The condition specified using HTTP conditional header(s) is not met.",
    ),
    "FileNotFound": (404, "The specified file does not exist."),
    "InvalidAutoScalingSettings": (400, "The specified automatic scaling settings are not valid."),
    "InvalidHeaderValue": (400, "The value provided for one of the HTTP headers was invalid."),
    "InvalidPropertyValue": (
        400,
        "The value provided for one of the properties in the request body is invalid.",
    ),
    "InvalidQueryParameterValue": (
        400,
        "Value for one of the query parameters specified in the request URI is invalid.",
    ),
    "InvalidRange": (416, "The range specified is invalid for the current size of the resource."),
    "InvalidRequestBody": (400, "The specified Request Body is not syntactically valid."),
    "InvalidUri": (400, "The requested URI does not represent any resource on the server."),
    "JobBeingDeleted": (409, "The specified job is being deleted."),
    "JobBeingTerminated": (409, "The specified job is being terminated."),
    "JobCompleted": (409, "The specified job is already in a completed state."),
    "JobDisabled": (409, "The specified job is disabled."),
    "JobExists": (409, "The specified job already exists."),
    "JobNotFound": (404, "The specified job does not exist."),
    "JobPreparationTaskNotSpecified": (
        409,
        "The specified job does not have a job preparation task.",
    ),
    "JobScheduleBeingDeleted": (409, "The specified job schedule is being deleted."),
    "JobScheduleBeingTerminated": (409, "The specified job schedule is being terminated."),
    "JobScheduleCompleted": (409, "The specified job schedule has completed."),
    "JobScheduleDisabled": (409, "The specified job schedule is disabled."),
    "JobScheduleExists": (409, "The specified job schedule already exists."),
    "JobScheduleNotFound": (404, "The specified job schedule does not exist."),
    "JobScheduleWithSameIdExists": (
        409,
        "A job can't have the id of a job schedule, and there is one with the specified id.",
    ),
    "JobWithSameIdExists": (
        409,
        "A job schedule can't have the id of a job, and there is one with the specified id.",
    ),
    "MissingRequiredProperty": (
        400,
        "A required property was not specified in the request body.",
    ),
    "MissingRequiredQueryParameter": (
        400,
        "A query parameter that's mandatory for this request is not specified.",
    ),
    "NodeAlreadyInTargetSchedulingState": (
        409,
        "The specified node is already in the target scheduling state.",
    ),
    "NodeBeingCreated": (409, "The specified node is being created."),
    "NodeBeingRebooted": (409, "The specified node is being rebooted."),
    "NodeBeingReimaged": (409, "The specified node is being reimaged."),
    "NodeBeingStarted": (409, "The specified node is being started."),
    "NodeNotFound": (404, "The specified node does not exist."),
    "NodeStateUnusable": (409, "The specified node is unusable."),
    "NodeUserNotFound": (404, "The specified node user does not exist."),
    "NotImplemented": (501, "The requested operation is not implemented."),
    "NotModified": (304, ""),
    "OperationInvalidForCurrentState": (
        409,
        "The operation is not valid for the current state of the resource.",
    ),
    "OutOfRangePriority": (400, "The priority specified is not within the range -1000 to 1000."),
    "PoolBeingDeleted": (409, "The specified pool has been marked for deletion."),
    "PoolBeingResized": (409, "The specified pool is being resized."),
    "PoolExists": (409, "The specified pool already exists."),
    "PoolNotFound": (404, "The specified pool does not exist."),
    "RequestBodyTooLarge": (413, "The size of the request body exceeds the maximum permitted."),
    "ResourceNotFound": (404, "The specified resource does not exist."),
    "TaskCompleted": (409, "The specified task is already in a completed state."),
    "TaskDependenciesNotSpecifiedOnJob": (
        400,
        "The job must specify usesTaskDependencies when its tasks have dependencies.",
    ),
    "TaskDependencyListTooLong": (
        400,
        "The ids of the tasks that the task depends on have more than 64000 characters together.",
    ),
    "TaskExists": (409, "The specified task already exists."),
    "TaskFilesUnavailable": (
        409,
        "The task files are unavailable because the task has not run on a node.",
    ),
    "TaskIdSameAsJobPreparationTask": (
        409,
        "The specified task id is the same as that of the job's preparation task.",
    ),
    "TaskIdSameAsJobReleaseTask": (
        409,
        "The specified task id is the same as that of the job's release task.",
    ),
    "TaskNotCompleted": (
        409,
        "The specified task is not in a completed state, and the requested operation can be "
        "performed only on completed tasks.",
    ),
    "TaskNotFound": (404, "The specified task does not exist."),
    "TaskSucceeded": (
        409,
        "The specified task has already completed successfully, and the requested operation "
        "cannot be performed on successful tasks.",
    ),
    "TooManyEnableAutoScaleRequests": (
        409,
        "Enable automatic scaling requests for the same pool must be separated by at least 30 "
        "seconds.",
    ),
    "UnsupportedHttpVerb": (405, "The resource doesn't support the specified HTTP verb."),
    "UnsupportedProperty": (
        400,
        "One of the properties specified in the request body is not supported.",
    ),
    "UnsupportedRequestVersion": (400, "The specified request version is not supported."),
}


class Refused(Exception):
    """A request the service does not do; `code` says why, `values` name the culprit."""

    headers: tuple[tuple[str, str], ...] = ()

    def __init__(self, code: str, /, **values: str) -> None:
        self.code = code
        self.status, self.text = CODES[code]
        self.values = values
        super().__init__(f"{code}: {self.text} {values or ''}".rstrip())

    def document(self, request_id: str, at: str) -> dict[str, object]:
        """The error's body as the service writes it."""
        message = f"{self.text}\nRequestId:{request_id}\nTime:{at}"
        body: dict[str, object] = {
            "code": self.code,
            "message": {"lang": "en-US", "value": message},
        }
        if self.values:
            body["values"] = [{"key": key, "value": value} for key, value in self.values.items()]
        return body


def invalid(property_name: str, value: object, reason: str) -> Refused:
    """A property whose value can't be: says which, what it was and why."""
    shown = str(value)[:_SHOWN]
    return Refused(
        "InvalidPropertyValue", PropertyName=property_name, PropertyValue=shown, Reason=reason
    )
