"""How long the adapters are patient: a step must be over before its message's lock is."""

import json
from pathlib import Path

from azure.storage.blob import ExponentialRetry

from shared.azure.world import BLOB_RETRIES

QUEUES = json.loads(Path("retrain/local/queues.json").read_text("utf-8"))


def test_blob_storage_is_given_up_before_a_messages_lock_runs_out() -> None:
    policy = ExponentialRetry(**BLOB_RETRIES)
    counts = range(1, BLOB_RETRIES["retry_total"] + 1)
    jitter = policy.random_jitter_range
    longest = [policy.initial_backoff + policy.increment_base**count + jitter for count in counts]
    for count, most in zip(counts, longest, strict=True):
        assert policy.get_backoff_time({"count": count}) <= most
    (namespace,) = QUEUES["UserConfig"]["Namespaces"]
    assert {queue["Properties"]["LockDuration"] for queue in namespace["Queues"]} == {"PT1M"}
    assert sum(longest) < 60
