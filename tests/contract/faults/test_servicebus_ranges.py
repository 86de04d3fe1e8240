"""Many deliveries settled by one disposition, while a rule closes the link in the midst of it."""

import asyncio
from pathlib import Path

from retrain.local.faults import Faults, servicebus
from retrain.local.servicebus import ServiceBusServer, ServiceBusSettings
from retrain.local.servicebus.amqp import Described, UInt, ULong, encode_described_list
from retrain.local.servicebus.wire.frames import frame
from tests.contract.servicebus.parts.desk import message
from tests.contract.servicebus.parts.raw import ENTITIES, GREETING, Wire, attach, credit


def test_a_link_closed_in_the_midst_of_a_range_ends_the_range(tmp_path: Path) -> None:
    async def main() -> list[bytes]:
        where = servicebus.OperationWhere(entity="q", operation="complete")
        faults = Faults()
        faults.add(servicebus.ClosedLink(where=where, times=1))
        terms = ServiceBusSettings(
            data=tmp_path, config=ENTITIES, port=0, allow_any_token=True, faults=faults
        )
        async with ServiceBusServer(terms) as server:
            server.listener("q")._queue.put([message(b"x") for _ in range(3)])
            wire = Wire(*await asyncio.open_connection("127.0.0.1", server.port))
            await wire.say(GREETING + attach(0, "q", receives=True) + credit(0, 3))
            for _ in range(3):
                await wire.hear(0x14)
            accepted = Described(ULong(0x24), [])
            settled = encode_described_list(0x15, True, UInt(0), UInt(2), False, accepted)
            await wire.say(frame(1, settled))
            ended = [await wire.hear(0x16)]
            # The connection lives, and the messages stay locked.
            await wire.say(attach(1, "q", receives=False))
            ended.append(await wire.hear(0x13))
            assert server.calls["complete"] == 0
            await wire.close()
        return ended

    assert len(asyncio.run(main())) == 2
