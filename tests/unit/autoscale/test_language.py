"""The formula language, type by type and function by function."""

import pytest

from retrain.local.batch.autoscale import FormulaSyntaxError, parse
from tests.unit.autoscale.worlds import World, refusal_of, run, value_of

VALUES = {
    "numbers": ("1.50 + .5 + 2. + 1e1", "14"),
    "ranks": ("1 + 2 * 3 - 8 / 4", "5"),
    "brackets": ("(1 + 2) * -3", "-9"),
    "from the left": ("8 - 3 - 2", "3"),
    "signs": ("!0 + !!5 - -1", "3"),
    "true is 1": ("(3 > 2) + (2 >= 2) + (1 < 2) + (2 <= 1)", "3"),
    "equal": ("(1 == 1) + (1 != 1)", "1"),
    "and before or": ("1 || 0 && 0", "1"),
    "a choice": ("0 ? 1 : 2 > 1 ? 5 : 6", "5"),
    "a choice in a choice": ("1 ? 0 ? 1 : 2 : 3", "2"),
    "by zero": ("1 / 0", "Infinity"),
    "nothing by nothing": ("0 / 0", "NaN"),
    "a fraction": ("1 / 4", "0.25"),
    "strings": ('("a" < "b") + ("a" == "a")', "2"),
    "a vector": ("vec(1, 2, vec(3))", "[1,2,3]"),
    "a vector in brackets": ("[1, 2, 3]", "[1,2,3]"),
    "a vector and a number": ("vec(1, 2) * 2", "[2,4]"),
    "two vectors": ("vec(1, 2) + vec(3, 5)", "[4,7]"),
    "intervals": ("TimeInterval_Day * 1.5 + TimeInterval_100ns", "1.12:00:00.0000001"),
    "an interval shared": ("TimeInterval_Hour / 8", "00:07:30"),
    "a negative interval": ("-TimeInterval_Minute - TimeInterval_Second", "-00:01:01"),
    "long": ("TimeInterval_Year == TimeInterval_Day * 365", "1"),
    "the longest first": ("TimeInterval_Week > TimeInterval_Day", "1"),
    "now": ("time()", "2026-11-24T09:30:15.250Z"),
    "now by an empty string": ('time("") == time()', "1"),
    "W3C": ('time("2026-11-24T10:00:00+01:00")', "2026-11-24T09:00:00.000Z"),
    "W3C with fractions": ('time("2023-04-14T09:07:18.4961234Z")', "2023-04-14T09:07:18.496Z"),
    "a year": ('time("1999")', "1999-01-01T00:00:00.000Z"),
    "RFC 1123": ('time("Tue, 24 Nov 2026 09:00:15 GMT")', "2026-11-24T09:00:15.000Z"),
    "time apart": ('time() - time("2026-11-24T09:00:15.250Z")', "00:30:00"),
    "time and an interval": ("(time() + TimeInterval_Hour * -10).day", "23"),
    "an interval and time": ("(TimeInterval_Hour + time()).hour", "10"),
    "parts": ("time().year + time().month + time().day", "2061"),
    "clock": ("time().hour * 10000 + time().minute * 100 + time().second", "93015"),
    "a Tuesday": ("time().weekday", "2"),
    "a Sunday": ('time("2026-11-22").weekday', "0"),
    "avg": ("avg(1, vec(2, 3))", "2"),
    "len": ("len() + len(1, vec(2, 3))", "3"),
    "min, max": ("min(3, 1, 2) * 10 + max(vec(3, 1), 2)", "13"),
    "sum": ("sum(vec(1, 2), 3)", "6"),
    "norm": ("norm(3, 4)", "5"),
    "range": ("range(5, 1, 3)", "4"),
    "std": ("std(2, 4, 4, 4, 5, 5, 7, 9) > 2.13 && std(2, 4, 4, 4, 5, 5, 7, 9) < 2.14", "1"),
    "std of one": ("std(5)", "0"),
    "percentile": ("percentile(vec(4, 1, 3, 2), 50)", "2"),
    "the last percentile": ("percentile(vec(4, 1, 3, 2), 100)", "4"),
    "val": ("val(vec(7, 8, 9), 1)", "8"),
    "rounding": ("ceil(1.2) * 100 + floor(1.8) * 10 + round(1.6)", "212"),
    "rounding vectors": ("ceil(vec(0.1, 1))", "[1,1]"),
    "logarithms": ("lg(8) + ln(1) + log(1000)", "6"),
    "logarithms of vectors": ("lg(vec(2, 4))", "[1,2]"),
    "the logarithm of nothing": ("log(0)", "-Infinity"),
    "rand": ("rand() >= 0 && rand() <= 1", "1"),
}


@pytest.mark.parametrize(("expression", "value"), VALUES.values(), ids=VALUES)
def test_a_value(expression: str, value: str) -> None:
    assert value_of(expression) == value


WRONG = {
    "unknown": ("nothing + 1", "Line 1, Col 5: Variable nothing is not defined"),
    "unknown function": ("f(1)", "Line 1, Col 6: Function f is not defined"),
    "unknown member": ("time().week", "Line 1, Col 12: A timestamp has no member week"),
    "a member of a number": ("(1).day", "Line 1, Col 9: A double has no member day"),
    "types": ('1 + "a"', "Line 1, Col 7: Operator + can't be applied to double and string"),
    "a number and a vector": (
        "2 * vec(1)",
        "Line 1, Col 7: Operator * can't be applied to double and doubleVec",
    ),
    "moments added": (
        "time() + time()",
        "Line 1, Col 12: Operator + can't be applied to timestamp and timestamp",
    ),
    "moments back": (
        "time() - TimeInterval_Day",
        "Line 1, Col 12: Operator - can't be applied to timestamp and timeinterval",
    ),
    "not a string": ('!"a"', "Line 1, Col 5: Operator ! can't be applied to string"),
    "a condition": (
        "time() ? 1 : 2",
        "Line 1, Col 5: A double is expected as a condition, not a timestamp",
    ),
    "vectors of two lengths": (
        "vec(1) + vec(1, 2)",
        "Line 1, Col 12: Vectors of 1 and of 2 elements don't fit",
    ),
    "the average of nothing": (
        "avg(vec())",
        "Line 1, Col 8: There are no values to take this of",
    ),
    "beyond a vector": (
        "val(vec(1), 1)",
        "Line 1, Col 8: A vector of 1 elements has none at 1.0",
    ),
    "too many arguments": ("time(1, 2)", "Line 1, Col 9: 0 to 1 arguments are expected, not 2"),
    "no moment": ('time("soon")', "Line 1, Col 9: "),
    "beyond time": ("time() + TimeInterval_Year * 9000", "Line 1, Col 12: date value out of range"),
    "infinite time": ("TimeInterval_Day * (1 / 0)", "Line 1, Col 22: "),
    "samples of a number": ("(1).GetSample(1)", "Line 1, Col 18: A double has no method GetSample"),
}


@pytest.mark.parametrize(("expression", "reason"), WRONG.values(), ids=WRONG)
def test_no_value(expression: str, reason: str) -> None:
    assert refusal_of(expression).startswith(reason)


def test_the_right_side_is_looked_at_only_when_it_matters() -> None:
    assert value_of("0 && nothing") == "0"
    assert value_of("1 || nothing") == "1"
    assert value_of("1 ? 2 : nothing") == "2"
    assert refusal_of("1 && nothing").endswith("Variable nothing is not defined")


MALFORMED = {
    "empty": ("", "Line 1, Col 1: A formula has at least one statement"),
    "only a comment": ("// nothing", "Line 1, Col 1: A formula has at least one statement"),
    "no value": ("x = ;", "Line 1, Col 5: ; is not expected here, but a value is"),
    "an open bracket": (
        "x = (1",
        "Line 1, Col 7: the end of the formula is not expected here, but ')' is",
    ),
    "two values": ("x = 1\n 2", "Line 2, Col 2: 2 is not expected here, but ';' is"),
    "half a choice": (
        "x = 1 ? 2",
        "Line 1, Col 10: the end of the formula is not expected here, but ':' is",
    ),
    "a strange character": ("x = 7 % 2", "Line 1, Col 7: Unexpected character '%'"),
    "an open string": ('x = "a', "Line 1, Col 5: Unexpected character '\"'"),
    "an assignment inside": ("x = y = 1", "Line 1, Col 7: = is not expected here, but ';' is"),
    "no member": ("x = time().1", "Line 1, Col 11: .1 is not expected here, but ';' is"),
    "too deep": ("x = " + "(" * 50 + "1" + ")" * 50, "Line 1, Col 25: The formula is nested too"),
    "too many": ("1;" * 101, "Line 1, Col 201: A formula has at most 100 statements"),
    "too long": ("x = 1" + " " * 8192, "Line 1, Col 1: A formula has at most 8192 characters"),
}


@pytest.mark.parametrize(("text", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_formula(text: str, reason: str) -> None:
    with pytest.raises(FormulaSyntaxError) as caught:
        parse(text)
    assert caught.value.detail.startswith(reason)


def test_the_longest_and_deepest_are_evaluated() -> None:
    assert value_of("+".join(["1"] * 4000)) == "4000"
    assert value_of("-" * 8000 + "1") == "1"
    level = "(0||1&&1==0<1+1*"
    assert value_of(level * 19 + "1" + ")" * 19) in ("0", "1")


def test_comments_and_lines() -> None:
    text = "// first\nx = 1; // one\n  y = x + 1 // two\n;"
    assert run(text).text.endswith(";x=1;y=2")


def test_names_of_a_formula() -> None:
    formula = parse("$a = $b.GetSample(c) > 1 ? f(d, [e]) : -g; h.day")
    assert formula.names == {"$a", "$b", "c", "d", "e", "g", "h"}


def test_read_only_variables() -> None:
    world = World(values={"$PendingTasks": 1})
    for name in ("$PendingTasks", "TimeInterval_Day"):
        error = run(f"{name} = 1", world).error
        assert error is not None
        assert error.detail == f"Line 1, Col 1: {name} is read-only"
