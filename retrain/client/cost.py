"""What a run cost, in a line for people."""

from retrain.client.records import AttemptCost, Cost


def cost_words(cost: Cost | None) -> str:
    """`$0.0115 (Standard_D2s_v3, 431 s billed, 212 s used, list price eastus of 2024-08)`; ""
    before there was compute."""
    if cost is None:
        return ""
    return f"{_amount(cost)}{' so far' if cost['so_far'] else ''} ({', '.join(_parts(cost))})"


def _amount(cost: Cost) -> str:
    amount = cost["amount"]
    if cost["local"]:
        return "nothing, local"
    if amount is None:
        return "unknown price"
    if 0 < amount < 0.0001:
        return "less than $0.0001" if cost["currency"] == "USD" else f"< 0.0001 {cost['currency']}"
    return f"${amount:,.4f}" if cost["currency"] == "USD" else f"{amount:,.4f} {cost['currency']}"


def _parts(cost: Cost) -> list[str]:
    attempts = cost["attempts"]
    parts = [f"{len(attempts)} attempts"] if len(attempts) > 1 else []
    if not cost["local"]:
        parts += dict.fromkeys(_nodes(one) for one in attempts)
    taken = "taken" if cost["local"] else "billed"
    parts.append(f"{_seconds(cost['billed_seconds'])} {taken}")
    parts.append(f"{_seconds(cost['used_seconds'])} used")
    computes = dict.fromkeys(one["compute"] for one in attempts if one["compute"])
    parts += [f"its part of compute {name}" for name in computes]
    regions = dict.fromkeys(one["region"] for one in attempts if one["hourly"] is not None)
    if cost["amount"] is not None and not cost["local"]:
        parts.append(f"{cost['price']} {' '.join(map(str, regions))} of {cost['as_of']}")
    return parts


def _nodes(one: AttemptCost) -> str:
    spot = " spot" if one["tier"] == "low_priority" else ""
    count = f"{one['nodes']} x " if one["nodes"] > 1 else ""
    return f"{count}{one['vm_size'] or 'unknown size'}{spot}"


def _seconds(count: float) -> str:
    return f"{count:.1f} s" if count < 10 else f"{count:,.0f} s"
