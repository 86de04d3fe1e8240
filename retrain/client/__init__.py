"""Retrain from Python, over HTTP: see `Client`."""

from retrain.client.client import Client
from retrain.client.compute_records import Compute
from retrain.client.errors import (
    ApiError,
    BadEndpoint,
    BadSource,
    ClientError,
    NotRetrain,
    TransferFailed,
    Unreachable,
    UnsafePath,
)
from retrain.client.follow import (
    Ended,
    LogText,
    MetricsLogged,
    NextAttempt,
    Restarted,
    StatusChanged,
    Waiting,
)
from retrain.client.records import FINAL, LogChunk, OutputFile, Run, RunSummary

__all__ = [
    "FINAL",
    "ApiError",
    "BadEndpoint",
    "BadSource",
    "Client",
    "ClientError",
    "Compute",
    "Ended",
    "LogChunk",
    "LogText",
    "MetricsLogged",
    "NextAttempt",
    "NotRetrain",
    "OutputFile",
    "Restarted",
    "Run",
    "RunSummary",
    "StatusChanged",
    "TransferFailed",
    "Unreachable",
    "UnsafePath",
    "Waiting",
]
