"""A plan: a seed and rules. From a mapping, as YAML or JSON gives it, to a plan or to all that is
wrong with it.

    seed: 7
    rules:
      - {service: batch, kind: throttle, where: {operation: create_job}, times: 2}
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from retrain.local.faults.kinds import KINDS
from retrain.local.faults.rule import Rule
from shared.jobs import Field, InvalidDocument, Problem
from shared.jobs.wording import problem

_FIELDS = ("seed", "rules")


@dataclass(frozen=True, slots=True)
class Plan:
    """rules: each with a name of its own. Where several would decide, the first does."""

    seed: int = 0
    rules: tuple[Rule, ...] = field(default=())


def parse_plan(document: Any) -> Plan:
    """Raises InvalidDocument with every problem found."""
    if not isinstance(document, Mapping):
        raise InvalidDocument([Problem((), "must be a mapping", "write `rules:` and a list")])
    problems = [
        Problem((name,), "unknown field", _meant(str(name), _FIELDS))
        for name in document
        if name not in _FIELDS
    ]
    seed, rules = document.get("seed", 0), document.get("rules", [])
    if not isinstance(seed, int) or isinstance(seed, bool):
        problems.append(Problem(("seed",), "must be a whole number", "write digits"))
    if not isinstance(rules, Sequence) or isinstance(rules, str):
        problems.append(Problem(("rules",), "must be a list", "write one `- service: …` a rule"))
        rules = []
    made = list(_rules(rules, problems))
    problems += _twice(made)
    if problems:
        raise InvalidDocument(problems)
    return Plan(seed, tuple(rule for _, rule in made))


def _rules(documents: Sequence[Any], problems: list[Problem]) -> Iterable[tuple[int, Rule]]:
    for index, document in enumerate(documents):
        try:
            rule = parse_rule(document)
        except InvalidDocument as error:
            problems += [
                Problem(("rules", index, *one.field), one.message, one.remedy)
                for one in error.problems
            ]
        else:
            yield index, named(rule, index + 1)


def named(rule: Rule, number: int) -> Rule:
    """The rule with a name: its own, or one of its kind and place in the plan."""
    if rule.name:
        return rule
    return rule.model_copy(update={"name": f"{rule.service_name()}-{rule.kind_name()}-{number}"})


def _twice(rules: Sequence[tuple[int, Rule]]) -> Iterable[Problem]:
    seen: set[str] = set()
    for index, rule in rules:
        if rule.name in seen:
            remedy = "give each rule a name of its own, or none"
            yield Problem(("rules", index, "name"), f"'{rule.name}' is taken", remedy)
        seen.add(rule.name)


def parse_rule(document: Any) -> Rule:
    """One rule. Raises InvalidDocument."""
    if not isinstance(document, Mapping):
        raise InvalidDocument([Problem((), "must be a mapping", "write `service:` and `kind:`")])
    kinds = KINDS[_choice(document, "service", KINDS)]
    kind = kinds[_choice(document, "kind", kinds)]
    try:
        return kind.model_validate(dict(document))
    except ValidationError as error:
        found = [_problem(kind, each) for each in error.errors(include_url=False)]
        raise InvalidDocument(found) from None


def _choice(document: Mapping[Any, Any], name: str, known: Iterable[str]) -> str:
    """What a field says, of the known words. Raises InvalidDocument."""
    words = list(known)
    said = document.get(name)
    if name not in document:
        raise InvalidDocument([Problem((), f"{name} is required", f"one of {', '.join(words)}")])
    if said not in words:
        remedy = _meant(str(said), words) or f"write one of {', '.join(words)}"
        raise InvalidDocument([Problem((name,), f"there is no {name} '{said}'", remedy)])
    return str(said)


def _problem(kind: type[Rule], detail: Any) -> Problem:
    place: Field = tuple(detail["loc"])
    if detail["type"] == "extra_forbidden":
        fields: Any = kind
        for part in place[:-1]:
            fields = fields.model_fields[part].annotation
        return Problem(place, "unknown field here", _meant(str(place[-1]), fields.model_fields))
    return problem(detail)


def _meant(word: str, known: Iterable[str]) -> str:
    words = [each for each in known if each not in ("service", "kind")]
    close = get_close_matches(word, words, 1)
    return f"did you mean '{close[0]}'?" if close else f"known are {', '.join(words)}"
