"""From text to a Formula, by recursive descent; ranks of operators as in C."""

from __future__ import annotations

from typing import Final

from retrain.local.batch.autoscale.errors import NOWHERE, FormulaSyntaxError, Position
from retrain.local.batch.autoscale.lexer import Token, tokens
from retrain.local.batch.autoscale.syntax import (
    Call,
    Chain,
    Choice,
    Expression,
    Formula,
    Member,
    Method,
    Name,
    Number,
    Signed,
    Statement,
    Step,
    Text,
    Vector,
    names_in,
)

LONGEST: Final = 8192  # characters
MOST: Final = 100  # statements

#: Brackets in brackets; the service has a limit too, but does not tell it.
_DEEPEST: Final = 20

#: Members of members; none has any, so the evaluation would fail anyway.
_MEMBERS: Final = 3

_RANKS: Final = (
    ("||",),
    ("&&",),
    ("==", "!="),
    ("<", "<=", ">", ">="),
    ("+", "-"),
    ("*", "/"),
)


def parse(text: str) -> Formula:
    """Raises FormulaSyntaxError."""
    if len(text) > LONGEST:
        raise FormulaSyntaxError(NOWHERE, f"A formula has at most {LONGEST} characters")
    statements = _Parser(list(tokens(text))).statements()
    if not statements:
        raise FormulaSyntaxError(NOWHERE, "A formula has at least one statement")
    if len(statements) > MOST:
        raise FormulaSyntaxError(statements[MOST].at, f"A formula has at most {MOST} statements")
    return Formula(statements, frozenset(names_in(statements)))


class _Parser:
    def __init__(self, read: list[Token]) -> None:
        self._tokens = read
        self._next = 0
        self._depth = 0

    def statements(self) -> tuple[Statement, ...]:
        found: list[Statement] = []
        while True:
            while self._take(";"):
                pass
            if self._ended:
                return tuple(found)
            found.append(self._statement())
            if not self._ended:
                self._demand(";")

    def _statement(self) -> Statement:
        first, second = self._tokens[self._next], self._tokens[self._next + 1 :][:1]
        name = None
        if first.kind == "name" and second and second[0].word == "=" and second[0].kind == "sign":
            name = first.word
            self._next += 2
        return Statement(first.at, name, self._expression())

    def _expression(self) -> Expression:
        at = self._peek.at
        self._deeper(at)
        cases = []
        value = self._rank(0)
        while self._take("?"):
            chosen = self._expression()
            self._demand(":")
            cases.append((value, chosen))
            value = self._rank(0)
        self._depth -= 1
        return Choice(at, tuple(cases), value) if cases else value

    def _rank(self, rank: int) -> Expression:
        if rank == len(_RANKS):
            return self._signed()
        first = self._rank(rank + 1)
        steps = []
        while self._peek.kind == "sign" and self._peek.word in _RANKS[rank]:
            sign = self._pop()
            steps.append(Step(sign.at, sign.word, self._rank(rank + 1)))
        return Chain(first.at, first, tuple(steps)) if steps else first

    def _signed(self) -> Expression:
        at = self._peek.at
        signs = ""
        while self._peek.kind == "sign" and self._peek.word in ("-", "!"):
            signs += self._pop().word
        operand = self._postfix()
        return Signed(at, signs, operand) if signs else operand

    def _postfix(self) -> Expression:
        value = self._primary()
        for _ in range(_MEMBERS):
            if not self._take("."):
                return value
            member = self._pop()
            if member.kind != "name":
                raise _unexpected(member, "a member's name")
            at = self._peek.at
            if self._take("("):
                value = Method(at, value, member.word, self._arguments(")"))
            else:
                value = Member(member.at, value, member.word)
        raise FormulaSyntaxError(self._peek.at, "Too many members of members")

    def _primary(self) -> Expression:
        token = self._pop()
        if token.kind == "number":
            return Number(token.at, float(token.word))
        if token.kind == "text":
            return Text(token.at, token.word)
        if token.kind == "name":
            at = self._peek.at
            if self._take("("):
                return Call(at, token.word, self._arguments(")"))
            return Name(token.at, token.word)
        if token.word == "(":
            value = self._expression()
            self._demand(")")
            return value
        if token.word == "[":
            return Vector(token.at, self._arguments("]"))
        raise _unexpected(token, "a value")

    def _arguments(self, closing: str) -> tuple[Expression, ...]:
        if self._take(closing):
            return ()
        found = [self._expression()]
        while self._take(","):
            found.append(self._expression())
        self._demand(closing)
        return tuple(found)

    def _deeper(self, at: Position) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise FormulaSyntaxError(at, "The formula is nested too deeply")

    @property
    def _ended(self) -> bool:
        return self._peek.kind == "end"

    @property
    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _pop(self) -> Token:
        token = self._peek
        if token.kind != "end":
            self._next += 1
        return token

    def _take(self, sign: str) -> bool:
        there = self._peek.kind == "sign" and self._peek.word == sign
        self._next += there
        return there

    def _demand(self, sign: str) -> None:
        if not self._take(sign):
            raise _unexpected(self._peek, f"'{sign}'")


def _unexpected(token: Token, expected: str) -> FormulaSyntaxError:
    return FormulaSyntaxError(token.at, f"{token.word} is not expected here, but {expected} is")
