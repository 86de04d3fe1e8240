"""What a run costs, and what is said when nobody knows."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from functions.api.costs import cost_view
from retrain.client.cost import cost_words
from shared import wiring
from shared.app.costs import Cost, Costs, NodesOf, Place
from shared.app.prices import Prices, read_prices
from shared.domain.errors import Invalid
from shared.domain.run import Run
from shared.domain.status import Status
from shared.domain.usage import Nodes, usage
from shared.jobs import parse_job
from tests.factories import a_document, a_run, after
from tests.simulation.twins.world import Twins

TABLE: dict[str, Any] = {
    "as_of": "2026-01",
    "default_region": "eastus",
    "regions": {
        "eastus": {"Standard_D2s_v3": {"dedicated": 0.36, "spot": 0.036}},
        "westeurope": {"Standard_D2s_v3": {"dedicated": 0.72}},
    },
}
NODES = Nodes(vm_size="standard_d2s_V3", count=2, region="eastus")


def _prices(**fields: Any) -> Prices:
    return read_prices(json.dumps(TABLE | fields))


def _spent(*nodes: Nodes, status: Status = Status.COMPLETED) -> Run:
    """A run whose attempts each held such nodes for 100 seconds, 60 of them with the script."""
    way = [
        (Status.PROVISIONING, after(0)),
        (Status.RUNNING, after(30)),
        (Status.FINALIZING, after(90)),
    ]
    spent = tuple(usage(number, one, way, after(100)) for number, one in enumerate(nodes, 1))
    return replace(a_run(status), usages=spent, attempt=len(nodes))


def _cost(run: Run, prices: Prices | None = None, place: Place | None = None) -> Cost:
    twins = Twins()
    twins.clock.now = after(100)
    nodes_of = NodesOf(twins.product().computes, place or Place("Standard_D2s_v3", "eastus"))
    return Costs(nodes_of, lambda: prices or _prices(), lambda: after(100)).of(run)


CASES = {
    "two nodes": (
        [NODES],
        "$0.0200 (2 x standard_d2s_V3, 200 s billed, 120 s used, list price eastus of 2026-01)",
    ),
    "nodes that may be taken away": (
        [replace(NODES, tier="low_priority")],
        "$0.0020 (2 x standard_d2s_V3 spot, 200 s billed, 120 s used, list price eastus of "
        "2026-01)",
    ),
    "in another region": (
        [replace(NODES, region="westeurope")],
        "$0.0400 (2 x standard_d2s_V3, 200 s billed, 120 s used, list price westeurope of 2026-01)",
    ),
    "in a region that the table has not": (
        [replace(NODES, region="norwayeast")],
        "$0.0200 (2 x standard_d2s_V3, 200 s billed, 120 s used, list price eastus of 2026-01)",
    ),
    "on a machine of one's own": (
        [replace(NODES, local=True, count=1)],
        "nothing, local (100 s taken, 60 s used)",
    ),
    "a size that the table has not": (
        [replace(NODES, vm_size="Standard_Z9")],
        "unknown price (2 x Standard_Z9, 200 s billed, 120 s used)",
    ),
    "a spot price that the table has not": (
        [replace(NODES, region="westeurope", tier="low_priority")],
        "unknown price (2 x standard_d2s_V3 spot, 200 s billed, 120 s used)",
    ),
    "a size that nobody could tell": (
        [replace(NODES, vm_size="", compute="cpu")],
        "unknown price (2 x unknown size, 120 s billed, 120 s used, its part of compute cpu)",
    ),
    "two attempts": (
        [NODES, NODES],
        "$0.0400 (2 attempts, 2 x standard_d2s_V3, 400 s billed, 240 s used, list price eastus of "
        "2026-01)",
    ),
    "two attempts, one of unknown price": (
        [NODES, replace(NODES, vm_size="Standard_Z9")],
        "unknown price (2 attempts, 2 x standard_d2s_V3, 2 x Standard_Z9, 400 s billed, 240 s "
        "used)",
    ),
}


@pytest.mark.parametrize(("nodes", "words"), CASES.values(), ids=CASES)
def test_words(nodes: list[Nodes], words: str) -> None:
    assert _words(_spent(*nodes)) == words


def _words(run: Run, prices: Prices | None = None, place: Place | None = None) -> str:
    view: Any = cost_view(_cost(run, prices, place))
    return cost_words(json.loads(json.dumps(view)))


def test_other_money_and_very_little_of_it() -> None:
    assert _words(_spent(NODES), _prices(currency="EUR")).startswith("0.0200 EUR (")
    cheap = {"eastus": {"Standard_D2s_v3": {"dedicated": 0.001}}}
    assert _words(_spent(NODES), _prices(regions=cheap)).startswith("less than $0.0001 (")


def test_before_there_is_compute_there_is_nothing_to_say() -> None:
    assert _words(a_run(Status.QUEUED)) == ""


def test_of_a_run_under_way_what_it_costs_until_now() -> None:
    assert _words(a_run(Status.RUNNING)).startswith("$0.0100 so far (Standard_D2s_v3, 100 s b")


def test_which_nodes_a_run_gets() -> None:
    product = Twins().product()
    product.computes.create({"name": "GPU", "size": "Standard_NC6s_v3", "tier": "low_priority"})
    nodes_of = NodesOf(product.computes, Place("Standard_D2s_v3", "eastus"))

    def nodes(**fields: Any) -> tuple[str, str, int, str | None]:
        found = nodes_of(a_run(job=parse_job(a_document(**fields))))
        return found.vm_size, found.tier, found.count, found.compute

    assert nodes() == ("Standard_D2s_v3", "dedicated", 1, None)
    chosen = {"instance_type": "Standard_F8s_v2", "instance_count": 3}
    assert nodes(resources=chosen) == ("Standard_F8s_v2", "dedicated", 3, None)
    assert nodes(queue_settings={"job_tier": "spot"})[1] == "low_priority"
    assert nodes(compute="azureml:gpu") == ("Standard_NC6s_v3", "low_priority", 1, "gpu")
    assert nodes(compute="azureml:gone") == ("", "dedicated", 1, "gone")


def test_the_committed_table_has_the_default_size_and_gpus() -> None:
    prices = wiring.prices()
    assert prices is not None
    assert prices.as_of
    assert prices.source
    for size in ("Standard_D2s_v3", "Standard_NC4as_T4_v3", "Standard_ND96isr_H100_v5"):
        hourly, region = prices.of(Nodes(vm_size=size, count=1))
        assert hourly
        assert region == "eastus"
    for sizes in prices.regions.values():
        for size, one in sizes.items():
            assert one.dedicated, size
            assert one.spot is None or one.spot < one.dedicated, size


@pytest.mark.parametrize("text", ["", "{}", '{"as_of": 1}', json.dumps(TABLE | {"extra": 1})])
def test_a_table_that_is_none_says_what_is_wrong(text: str) -> None:
    with pytest.raises(Invalid, match="table of prices can't be read"):
        read_prices(text)


def test_without_a_table_a_run_is_shown_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("missing.json", "broken.json"):
        (tmp_path / "broken.json").write_text("{")
        monkeypatch.setenv("RETRAIN_PRICES", str(tmp_path / name))
        assert wiring.prices.__wrapped__() is None
    assert caplog.text.count("RETRAIN_PRICES") == 2
    cost = Costs(NodesOf(Twins().product().computes, Place()), lambda: None, lambda: after(100))
    view: Any = cost_view(cost.of(_spent(NODES)))
    assert cost_words(view) == "unknown price (2 x standard_d2s_V3, 200 s billed, 120 s used)"


def test_a_table_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "prices.json").write_text(json.dumps(TABLE))
    monkeypatch.setenv("RETRAIN_PRICES", str(tmp_path / "prices.json"))
    assert wiring.prices.__wrapped__() == _prices()
