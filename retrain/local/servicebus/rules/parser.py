"""From text to a predicate or to statements: recursive descent, one token ahead.

A predicate is no expression: `a` alone is no condition, and `(a = 1) + 1` no number. What stands in
parentheses can be either, so a rule gives back what it found and its caller says what it needs.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from retrain.local.servicebus.amqp import Timestamp
from retrain.local.servicebus.rules import values
from retrain.local.servicebus.rules.errors import SyntaxInvalid
from retrain.local.servicebus.rules.expressions import (
    Arithmetic,
    Constant,
    Expression,
    Named,
    Negative,
    NewId,
    Property,
)
from retrain.local.servicebus.rules.lexer import Token, tokens
from retrain.local.servicebus.rules.predicates import (
    And,
    Comparison,
    Exists,
    In,
    IsNull,
    Like,
    Not,
    Or,
    Predicate,
)

#: The service's limit of a filter's or action's text, in characters.
_LONGEST: Final = 1024
_DEEPEST: Final = 60
_VERBS: Final = ("SET", "REMOVE")
_WORDS: Final = frozenset(
    ("AND", "OR", "NOT", "IN", "LIKE", "ESCAPE", "IS", "NULL", "EXISTS", "TRUE", "FALSE", *_VERBS)
)
_CONSTANTS: Final[dict[str, Any]] = {"TRUE": True, "FALSE": False, "NULL": None}
_Found = Expression | Predicate
_Node = TypeVar("_Node")


class Parser:
    """One text, token by token. parameters: by name, with its `@`. All raise SyntaxInvalid."""

    def __init__(self, text: str, parameters: Mapping[str, Any]) -> None:
        if len(text) > _LONGEST:
            raise SyntaxInvalid(text[:40] + "…", _LONGEST + 1, f"it is over {_LONGEST} characters")
        self._text = text
        self._tokens = tokens(text)
        self._at = 0
        self._depth = 0
        self._parameters = {
            name.lstrip("@").lower(): known(value) for name, value in parameters.items()
        }

    # -- tokens

    @property
    def next(self) -> Token:
        return self._tokens[self._at]

    def take(self, *words: str) -> str | None:
        """The next token, if it is one of these keywords or symbols."""
        for word in words:
            if self.next.means(word):
                self._at += 1
                return word
        return None

    def need(self, word: str) -> None:
        if not self.take(word):
            raise self.wrong(f"'{word}' is missing")

    def wrong(self, problem: str, token: Token | None = None) -> SyntaxInvalid:
        token = token or self.next
        near = f" near '{token.text}'" if token.kind != "end" else " at the end"
        return SyntaxInvalid(self._text, token.at + 1, f"{problem}{near}")

    def _deeper(self, parse: Callable[[], _Node]) -> _Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.wrong("it is nested too deeply")
        node = parse()
        self._depth -= 1
        return node

    # -- predicates

    def whole_predicate(self) -> Predicate:
        """The text is a condition and nothing else."""
        predicate = self._predicate(self._or)
        if self.next.kind != "end":
            raise self.wrong("unexpected text")
        return predicate

    def _predicate(self, parse: Callable[[], _Found]) -> Predicate:
        start = self.next
        found = parse()
        if not isinstance(found, Predicate):
            raise self.wrong("a condition is missing", start)
        return found

    def expression(self) -> Expression:
        return self._expression(self._sum)

    def _expression(self, parse: Callable[[], _Found]) -> Expression:
        start = self.next
        found = parse()
        if not isinstance(found, Expression):
            raise self.wrong("a value is missing, not a condition", start)
        return found

    def _or(self) -> _Found:
        return self._chain("OR", Or, lambda: self._chain("AND", And, self._not))

    def _chain(
        self, word: str, join: Callable[[Predicate, Predicate], _Found], parse: Callable[[], _Found]
    ) -> _Found:
        """Of conditions; what stands alone may be a value."""
        start = self.next
        found = parse()
        while self.take(word):
            if not isinstance(found, Predicate):
                raise self.wrong("a condition is missing", start)
            found = join(found, self._predicate(parse))
        return found

    def _not(self) -> _Found:
        if self.take("NOT"):
            return Not(self._deeper(lambda: self._predicate(self._not)))
        if self.take("EXISTS"):
            self.need("(")
            found = Exists(self.property())
            self.need(")")
            return found
        return self._comparison()

    def _comparison(self) -> _Found:
        start = self.next
        left = self._sum()
        sign = self.take(*values.COMPARISONS)
        if not isinstance(left, Expression):
            if sign:
                raise self.wrong("a condition can't be compared", start)
            return left
        if sign:
            return Comparison(sign, left, self.expression())
        if self.take("IS"):
            return self._is_null(left, start)
        denied = self.take("NOT")
        found = self._in_or_like(left)
        if found is None and denied:
            raise self.wrong("'IN' or 'LIKE' is missing")
        if found is None:
            return left
        return Not(found) if denied else found

    def _is_null(self, left: Expression, start: Token) -> Predicate:
        if not isinstance(left, Property | Named):
            raise self.wrong("only a property can be null", start)
        denied = self.take("NOT")
        self.need("NULL")
        return Not(IsNull(left)) if denied else IsNull(left)

    def _in_or_like(self, left: Expression) -> Predicate | None:
        if self.take("IN"):
            self.need("(")
            choices = [self.expression()]
            while self.take(","):
                choices.append(self.expression())
            self.need(")")
            return In(left, tuple(choices))
        if self.take("LIKE"):
            pattern = self.expression()
            return Like(left, pattern, self.expression() if self.take("ESCAPE") else None)
        return None

    # -- expressions

    def _sum(self) -> _Found:
        return self._joined(("+", "-"), lambda: self._joined(("*", "/", "%"), self._signed))

    def _joined(self, signs: tuple[str, ...], parse: Callable[[], _Found]) -> _Found:
        start = self.next
        found = parse()
        while sign := self.take(*signs):
            if not isinstance(found, Expression):
                raise self.wrong("a value is missing, not a condition", start)
            found = Arithmetic(sign, found, self._expression(parse))
        return found

    def _signed(self) -> _Found:
        if self.take("-"):
            return Negative(self._deeper(lambda: self._expression(self._signed)))
        if self.take("+"):
            return self._deeper(lambda: self._expression(self._signed))
        if self.take("("):
            found = self._deeper(self._or)
            self.need(")")
            return found
        return self._primary()

    def _primary(self) -> Expression:
        token = self.next
        word = token.text.upper() if token.kind == "name" else ""
        if word in _CONSTANTS:
            constant = _CONSTANTS[word]
        elif token.kind == "number":
            constant = self._number(token)
        elif token.kind == "string":
            constant = token.text
        elif token.kind == "parameter":
            constant = self._parameter(token)
        else:
            return self._function() or self.property()
        self._at += 1
        return Constant(constant)

    def _number(self, token: Token) -> int | float:
        if not token.text.isdigit():
            return float(token.text)
        if int(token.text) >= 1 << 63:
            raise self.wrong("a number is too large", token)
        return int(token.text)

    def _parameter(self, token: Token) -> Any:
        name = token.text[1:].lower()
        if name not in self._parameters:
            raise self.wrong("a parameter has no value", token)
        return self._parameters[name]

    def _function(self) -> Expression | None:
        if self.next.kind != "name" or not self._tokens[self._at + 1].means("("):
            return None
        token = self.next
        self._at += 2
        found: Expression
        match token.text.lower():
            case "newid":
                found = NewId()
            case "property" | "p":
                found = Named(self._deeper(self.expression))
            case _:
                raise self.wrong("there is no such function", token)
        self.need(")")
        return found

    def property(self) -> Property | Named:
        """A property's name, with its scope if one is given; or `property(…)`."""
        found = self._function()
        if isinstance(found, Named):
            return found
        if found:
            raise self.wrong("a property is missing")
        first = self._name()
        if not self.take("."):
            return Property(first.text)
        if first.kind == "quoted" or first.text.lower() not in ("sys", "user"):
            raise self.wrong("a scope can be 'sys' or 'user'", first)
        return Property(self._name().text, system=first.text.lower() == "sys")

    def _name(self) -> Token:
        token = self.next
        if token.kind not in ("name", "quoted"):
            raise self.wrong("a value or a property is missing")
        if token.kind == "name" and token.text.upper() in _WORDS:
            raise self.wrong("a keyword can't be a name: put it in brackets")
        self._at += 1
        return token


def known(value: Any) -> Any:
    """A parameter's value as messages carry it."""
    if isinstance(value, datetime):
        return Timestamp(int(value.timestamp() * 1000))
    return value.total_seconds() if isinstance(value, timedelta) else value
