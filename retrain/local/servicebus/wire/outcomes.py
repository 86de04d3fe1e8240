"""Delivery states and errors as bytes, the way the SDK reads them."""

from typing import Final

from retrain.local.servicebus.amqp import Encoded, Symbol, encode_described_list
from retrain.local.servicebus.errors import ServiceBusError

ACCEPTED_CODE, REJECTED_CODE, RELEASED_CODE, MODIFIED_CODE = 0x24, 0x25, 0x26, 0x27
#: The state of what is sent or settled as part of a transaction.
TRANSACTIONAL_CODE: Final = 0x34

ACCEPTED: Final = Encoded(encode_described_list(ACCEPTED_CODE))
REJECTED: Final = Encoded(encode_described_list(REJECTED_CODE))
RELEASED: Final = Encoded(encode_described_list(RELEASED_CODE))


def error(condition: str, description: str) -> Encoded:
    # A map at the end, since an encoded list drops nulls there and the SDK indexes all three.
    return Encoded(encode_described_list(0x1D, Symbol(condition), description, {}))


def rejected(reason: ServiceBusError) -> Encoded:
    return Encoded(encode_described_list(REJECTED_CODE, error(reason.condition, str(reason))))
