"""AMQP 1.0's types and performatives as bytes, and back. It knows nothing of Service Bus.

Source: OASIS AMQP 1.0, part 1 (types) and part 2 (transport).
"""

from retrain.local.servicebus.amqp.decoding import (
    DecodeError,
    decode,
    decode_all,
    raw_items,
    sections,
)
from retrain.local.servicebus.amqp.encoding import (
    encode,
    encode_described_list,
    encode_list,
    encode_map,
)
from retrain.local.servicebus.amqp.values import (
    Array,
    Described,
    Encoded,
    Int,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)

__all__ = [
    "Array",
    "DecodeError",
    "Described",
    "Encoded",
    "Int",
    "Symbol",
    "Timestamp",
    "UByte",
    "UInt",
    "ULong",
    "UShort",
    "decode",
    "decode_all",
    "encode",
    "encode_described_list",
    "encode_list",
    "encode_map",
    "raw_items",
    "sections",
]
