"""Texts that are no condition or no action are refused with the place where they go wrong."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.local.servicebus.rules import actions
from retrain.local.servicebus.rules.errors import FilterError, SyntaxInvalid
from retrain.local.servicebus.rules.expressions import Arithmetic, Constant, Negative, Property
from retrain.local.servicebus.rules.parser import Parser
from retrain.local.servicebus.rules.predicates import And, Comparison, In, Like, Not, Or
from tests.contract.servicebus.parts.rules.letters import view

NO_FILTER: dict[str, int] = {
    "": 1,
    "color": 1,
    "1": 1,
    "color =": 8,
    "= 1": 1,
    "a = 1 b": 7,
    "a = 1 AND": 10,
    "a = 1 AND b": 11,
    "a AND b = 1": 1,
    "a = 'x": 5,
    "a = [x": 5,
    "a = 1 # 2": 7,
    "a = @p": 5,
    "a = 1 = 1": 7,
    "(a = 1": 7,
    "(a = 1) + 1 = 2": 1,
    "(a = 1) = 1": 1,
    "1 IS NULL": 1,
    "a IS 1": 6,
    "a IN ()": 7,
    "a IN 1": 6,
    "a NOT 1": 7,
    "EXISTS(1)": 8,
    "EXISTS a": 8,
    "foo(1) = 1": 1,
    "other.a = 1": 1,
    "and = 1": 1,
    "a = 99999999999999999999": 5,
    "NOT": 4,
    "(" * 100: 62,
    "x" * 2000 + " = 1": 1025,
}


@pytest.mark.parametrize(("text", "position"), NO_FILTER.items(), ids=lambda each: str(each)[:20])
def test_no_filter(text: str, position: int) -> None:
    with pytest.raises(SyntaxInvalid, match=f"position {position}:") as caught:
        Parser(text, {}).whole_predicate()
    assert caught.value.position == position


NO_ACTION: dict[str, int] = {
    "": 1,
    "SET": 4,
    "SET a": 6,
    "SET a = ": 9,
    "SET a = 1 b = 2": 11,
    "a = 1": 1,
    "REMOVE": 7,
    "REMOVE 1": 8,
    "SET a = b = 1": 11,
    "SET p('a') = 1": 5,
    "SET sys.SequenceNumber = 1": 5,
    "SET sys.Nothing = 1": 5,
    "SET a = 1;" * 33: 1,
}


@pytest.mark.parametrize(("text", "position"), NO_ACTION.items(), ids=lambda each: str(each)[:20])
def test_no_action(text: str, position: int) -> None:
    with pytest.raises(SyntaxInvalid) as caught:
        actions.parse(text, {})
    assert caught.value.position == position


@given(st.text(max_size=60) | st.text("ab'\"[]()=<>!+-*/%.,;@1 ANDORNTIKEUL", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    refused: list[int] = []
    for read in (lambda: Parser(text, {}).whole_predicate(), lambda: actions.parse(text, {})):
        try:
            read()
        except SyntaxInvalid as error:
            refused.append(error.position)
    assert all(1 <= position <= len(text) + 1 for position in refused)


# -- what is written down and read again is the same

names = st.text(min_size=1, max_size=6)
constants = st.one_of(
    st.integers(0, (1 << 63) - 1),
    st.floats(0, allow_nan=False, allow_infinity=False),
    st.text(max_size=6),
    st.booleans(),
    st.none(),
).map(Constant)
properties = st.builds(Property, names, st.booleans())
expressions = st.recursive(
    constants | properties,
    lambda deeper: st.one_of(
        st.builds(Negative, deeper),
        st.builds(Arithmetic, st.sampled_from("+-*/%"), deeper, deeper),
    ),
    max_leaves=6,
)
predicates = st.recursive(
    st.one_of(
        st.builds(
            Comparison, st.sampled_from(["=", "<>", "!=", "<", "<=", ">", ">="]), *[expressions] * 2
        ),
        st.builds(In, expressions, st.lists(expressions, min_size=1, max_size=3).map(tuple)),
        st.builds(Like, expressions, expressions, st.none() | expressions),
    ),
    lambda deeper: st.one_of(
        st.builds(Not, deeper), st.builds(And, deeper, deeper), st.builds(Or, deeper, deeper)
    ),
    max_leaves=5,
)


def written(node: Any) -> str:
    match node:
        case Constant(value):
            return literal(value)
        case Property(name, system):
            return ("sys." if system else "user.") + "[" + name.replace("]", "]]") + "]"
        case Negative(operand) | Not(operand):
            return f"{'-' if isinstance(node, Negative) else 'NOT'} ({written(operand)})"
        case In(operand, choices):
            return f"({written(operand)}) IN ({', '.join(map(written, choices))})"
        case Like(operand, pattern, escape):
            tail = f" ESCAPE ({written(escape)})" if escape else ""
            return f"({written(operand)}) LIKE ({written(pattern)}){tail}"
        case _:
            sign = getattr(node, "sign", type(node).__name__)
            return f"({written(node.left)}) {sign} ({written(node.right)})"


def literal(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    words = {True: "TRUE", False: "FALSE", None: "NULL"}
    return words[value] if value is None or isinstance(value, bool) else repr(value)


@given(predicates.filter(lambda node: len(written(node)) <= 1000))
def test_what_is_written_is_read(predicate: Any) -> None:
    assert Parser(written(predicate), {}).whole_predicate() == predicate


@given(predicates)
def test_logic_has_three_values(predicate: Any) -> None:
    seen = view(user={"a": 1})
    try:
        holds = predicate.holds(seen)
    except FilterError:
        return
    assert Not(Not(predicate)).holds(seen) is holds
    both, either = And(predicate, predicate), Or(predicate, predicate)
    assert both.holds(seen) is holds
    assert either.holds(seen) is holds
    assert Not(And(predicate, Not(predicate))).holds(seen) is not False
