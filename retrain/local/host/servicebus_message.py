"""A delivery as func.ServiceBusMessage, made the way host and worker make it together.

The host sends the body and a map of trigger metadata; the worker's converter reads its fields from
that map. A body that is not declared binary travels as text, and then the host lets the members of
a JSON object overwrite metadata of the same name, whatever its case. That trap is copied.
"""

import json
import uuid
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from azure.functions.meta import Datum
from azure.functions.servicebus import ServiceBusMessage, ServiceBusMessageInConverter

from retrain.local.host.queues import Delivery


def message_of(delivery: Delivery, *, binary: bool) -> ServiceBusMessage:
    """The message as a function gets it. `binary`: the binding says data_type=BINARY."""
    metadata = _metadata(delivery)
    if binary:
        body = Datum(delivery.body, "bytes")
    else:
        body = Datum(delivery.body.decode("utf-8", "replace"), "string")
        _overwrite(metadata, body.value)
    return ServiceBusMessageInConverter.decode_single_message(body, trigger_metadata=metadata)


def messages_of(deliveries: Sequence[Delivery], *, binary: bool) -> list[ServiceBusMessage]:
    """The messages of one call, as a function with cardinality=many gets them.

    Their metadata travel as one array for each field. The host leaves empty texts out of an array,
    so where some messages lack a field, the others' values move up. That trap is copied, too.
    """
    if binary:
        body = Datum(SimpleNamespace(bytes=[one.body for one in deliveries]), "collection_bytes")
    else:
        texts = [one.body.decode("utf-8", "replace") for one in deliveries]
        body = Datum(SimpleNamespace(string=texts), "collection_string")
    columns: dict[str, Datum] = {}
    for name in _texts(deliveries[0]):
        found = [text for one in deliveries if (text := _texts(one)[name])]
        columns[f"{name}Array"] = Datum(SimpleNamespace(string=found), "collection_string")
    numbers = [one.sequence_number for one in deliveries]
    columns["SequenceNumberArray"] = Datum(SimpleNamespace(sint64=numbers), "collection_sint64")
    columns["DeliveryCountArray"] = _json([one.delivery_count for one in deliveries])
    columns["EnqueuedTimeUtcArray"] = _json([_time(one) for one in deliveries])
    properties = _json([dict(one.application_properties or {}) for one in deliveries])
    columns["ApplicationPropertiesArray"] = columns["UserPropertiesArray"] = properties
    made = ServiceBusMessageInConverter.decode(body, trigger_metadata=columns)
    assert isinstance(made, list)
    return made


def _texts(delivery: Delivery) -> dict[str, str | None]:
    return {
        "MessageId": delivery.message_id,
        "SessionId": delivery.session_id,
        "ContentType": delivery.content_type,
        "CorrelationId": delivery.correlation_id,
        "Subject": delivery.subject,
        "Label": delivery.subject,
        "ReplyTo": delivery.reply_to,
        "To": delivery.to,
        "PartitionKey": delivery.session_id,
        "LockToken": _uuid(delivery.lock_token),
    }


def _metadata(delivery: Delivery) -> dict[str, Datum]:
    properties = _json(dict(delivery.application_properties or {}))
    texts = _texts(delivery).items()
    metadata = {name: Datum(str(text), "string") for name, text in texts if text is not None}
    metadata["DeliveryCount"] = Datum(delivery.delivery_count, "int")
    metadata["SequenceNumber"] = Datum(delivery.sequence_number, "int")
    metadata["EnqueuedTimeUtc"] = _json(_time(delivery))
    metadata["ApplicationProperties"] = properties
    metadata["UserProperties"] = properties
    return metadata


def _time(delivery: Delivery) -> str:
    return delivery.enqueued_time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _uuid(token: Any) -> str:
    return str(uuid.UUID(bytes_le=token)) if isinstance(token, bytes) else str(token)


def _json(value: Any) -> Datum:
    return Datum(json.dumps(value, default=_plain), "json")


def _plain(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _overwrite(metadata: dict[str, Datum], body: str) -> None:
    try:
        members = json.loads(body)
    except ValueError:
        return
    if not isinstance(members, dict):
        return
    names = {name.casefold(): name for name in metadata}
    for name, value in members.items():
        key = names.get(str(name).casefold(), str(name))
        metadata[key] = Datum(value, "string") if isinstance(value, str) else _json(value)
