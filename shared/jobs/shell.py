"""Bindings in a shell command become variables, quoted for the place they stand in.

One pass over the script keeps a stack of what is open: commands (the script, `$(…)`, `(…)`),
double quotes, here-documents, `${…}` and arithmetic. Then a binding is, outside quotes, `"${VAR}"`;
in double quotes and here-documents `${VAR}`; in single quotes `'"${VAR}"'`; in a comment itself.
Expansions are not read again by the shell, so a value can't become code in any of these.

Refused is a binding in arithmetic (which evaluates its operands), `${…}`, backticks and quoted
here-documents, and any script with a binding in which dash and bash disagree on what is quoted.
"""

from collections.abc import Callable
from enum import Enum

from shared.jobs.bindings import Binding, find_bindings
from shared.jobs.heredoc import HereDocument, body_end, read_operator
from shared.jobs.unsafe import UnsafePlace

Variable = Callable[[Binding], str]
_BLANKS = " \t\n;&|<>()"


class Place(Enum):
    """What is open; the value is its name in messages."""

    COMMAND = "a bracket `(`"
    DOUBLE = 'a double quote `"`'
    HEREDOC = "a here-document"
    PARAMETER = "a `${`"
    QUOTED_PARAMETER = "a `${` in double quotes"
    ARITHMETIC = "a `((`"


_QUOTED = (Place.DOUBLE, Place.HEREDOC, Place.QUOTED_PARAMETER)
_EVALUATED = (Place.PARAMETER, Place.QUOTED_PARAMETER, Place.ARITHMETIC)


def quote_bindings(script: str, variable: Variable) -> str:
    """The script with each binding as an expansion of its variable. Raises UnsafePlace.

    A script without bindings comes back as it is, whatever it holds.
    """
    if not any(find_bindings(script)):
        return script
    return _Scan(script, variable, Place.COMMAND).run()


class _Scan:
    def __init__(self, script: str, variable: Variable, outermost: Place) -> None:
        self._script = script
        self._variable = variable
        self._at = 0
        self._out: list[str] = []
        self._open = [outermost]
        self._word_starts = True
        self._here: list[HereDocument] = []
        self._bindings = {binding.start: binding for binding in find_bindings(script)}
        self._steps = {
            Place.COMMAND: self._in_command,
            Place.DOUBLE: self._in_double,
            Place.HEREDOC: self._in_quoted,
            Place.PARAMETER: self._in_parameter,
            Place.QUOTED_PARAMETER: self._in_parameter,
            Place.ARITHMETIC: self._in_arithmetic,
        }

    def run(self) -> str:
        while self._at < len(self._script):
            if self._at in self._bindings:
                self._bind()
            else:
                self._steps[self._open[-1]](self._script[self._at])
        if len(self._open) > 1:
            raise UnsafePlace(f"{self._open[-1].value} is never closed", "close it")
        if self._here:
            body_end(self._script, self._at, self._here[0])  # says which one never ends
        return "".join(self._out)

    def _next_is(self, text: str) -> bool:
        return self._script.startswith(text, self._at)

    def _take(self, count: int = 1) -> None:
        self._out.append(self._script[self._at : self._at + count])
        self._at += count

    def _bind(self) -> None:
        binding = self._bindings[self._at]
        inside = next((place for place in self._open if place in _EVALUATED), None)
        if inside is not None:
            raise UnsafePlace(
                f"{_token(binding)} stands in {inside.value}, where its value would be evaluated",
                "give it to the script as an argument",
            )
        expansion = "${" + self._variable(binding) + "}"
        self._out.append(expansion if self._open[-1] in _QUOTED else f'"{expansion}"')
        self._at = binding.end
        self._word_starts = False

    def _in_command(self, char: str) -> None:
        special = {
            "\\": self._backslash,
            "'": self._single,
            '"': self._double,
            "`": self._backticks,
            "$": self._dollar,
            "(": self._bracket,
            ")": self._close_bracket,
            "\n": self._newline,
        }
        if char in special:
            special[char]()
        elif char == "#" and self._word_starts:
            self._comment()
        elif self._next_is("<<"):
            self._here_operator()
        elif self._word_starts and self._next_is("case ") and len(self._open) > 1:
            raise UnsafePlace("`case` inside brackets is too much here", "put it in a script")
        else:
            self._take()
        if char != "\\":
            self._word_starts = char in _BLANKS

    def _in_double(self, char: str) -> None:
        if char == '"':
            self._take()
            self._open.pop()
        else:
            self._in_quoted(char)

    def _in_quoted(self, char: str) -> None:
        special = {"\\": self._backslash, "`": self._backticks, "$": self._dollar}
        special.get(char, self._take)()

    def _in_parameter(self, char: str) -> None:
        quoted = self._open[-1] is Place.QUOTED_PARAMETER
        if char in "'\"" and quoted:
            raise UnsafePlace(
                "shells disagree on quotes in `${…}` inside double quotes", "put it in a script"
            )
        if char == "}":
            self._take()
            self._open.pop()
        elif char == "'":
            self._single()
        elif char == '"':
            self._double()
        else:
            self._in_quoted(char)

    def _in_arithmetic(self, char: str) -> None:
        if self._next_is("))"):
            self._take(2)
            self._open.pop()
        elif char in "()'":
            raise UnsafePlace(
                "`((` with brackets or quotes in it is too much here",
                "put it in a script, or a space between the brackets when it is no arithmetic",
            )
        elif char == '"':
            self._double()
        else:
            self._in_quoted(char)

    def _backslash(self) -> None:
        if self._at + 1 in self._bindings:
            binding = self._bindings[self._at + 1]
            raise UnsafePlace(f"a backslash stands before {_token(binding)}", "remove it")
        continues_line = self._next_is("\\\n")
        self._take(2)
        if not continues_line:
            self._word_starts = False

    def _single(self) -> None:
        end = self._script.find("'", self._at + 1)
        if end < 0:
            raise UnsafePlace("a single quote is never closed", "close it, or write \\'")
        self._take()
        while self._at < end:
            if self._at in self._bindings:
                self._out.append("'")
                self._open.append(Place.COMMAND)
                self._bind()
                self._open.pop()
                self._out.append("'")
            else:
                self._take()
        self._take()

    def _double(self) -> None:
        self._take()
        self._open.append(Place.DOUBLE)

    def _backticks(self) -> None:
        end = self._at + 1
        while not self._script.startswith("`", end):
            end += 2 if self._script.startswith("\\", end) else 1
            if end >= len(self._script):
                raise UnsafePlace("a backtick is never closed", "close it, or write \\`")
        self._refuse_bindings_before(end, "backticks", "write $(…) for `…`")
        self._take(end + 1 - self._at)

    def _refuse_bindings_before(self, end: int, where: str, remedy: str) -> None:
        for start, binding in self._bindings.items():
            if self._at <= start < end:
                raise UnsafePlace(f"{_token(binding)} stands in {where}", remedy)

    def _dollar(self) -> None:
        quoted = self._open[-1] in _QUOTED
        if self._at + 1 in self._bindings:
            self._out.append("\\$")  # else it would join the expansion that follows
            self._at += 1
        elif self._next_is("$(("):
            self._take(3)
            self._open.append(Place.ARITHMETIC)
        elif self._next_is("$("):
            self._take(2)
            self._open.append(Place.COMMAND)
            self._word_starts = True
        elif self._next_is("${"):
            self._take(2)
            self._open.append(Place.QUOTED_PARAMETER if quoted else Place.PARAMETER)
        elif self._next_is("$[") or (self._next_is("$'") and not quoted):
            what = self._script[self._at : self._at + 2]
            raise UnsafePlace(f"shells disagree on what `{what}` means", "put it in a script")
        else:
            self._take(2 if self._next_is("$$") or self._next_is("$#") else 1)

    def _bracket(self) -> None:
        double = self._next_is("((")
        self._take(2 if double else 1)
        self._open.append(Place.ARITHMETIC if double else Place.COMMAND)

    def _close_bracket(self) -> None:
        self._take()
        if any(here.depth == len(self._open) for here in self._here) and len(self._open) > 1:
            raise UnsafePlace("a bracket closes before its here-document", "put it in a script")
        if len(self._open) > 1:  # else the end of a `case` pattern
            self._open.pop()

    def _comment(self) -> None:
        newline = self._script.find("\n", self._at)
        self._take((len(self._script) if newline < 0 else newline) - self._at)

    def _here_operator(self) -> None:
        if self._next_is("<<<"):
            self._take(3)
            return
        here, end = read_operator(self._script, self._at, len(self._open))
        self._refuse_bindings_before(end, "a here-document's delimiter", "write plain text there")
        self._here.append(here)
        self._take(end - self._at)

    def _newline(self) -> None:
        self._take()
        waiting, self._here = self._here, []
        for here in waiting:
            if here.depth != len(self._open):
                raise UnsafePlace("a here-document spans brackets", "put it in a script")
            self._here_body(here)

    def _here_body(self, here: HereDocument) -> None:
        end, after = body_end(self._script, self._at, here)
        if here.quoted:
            remedy = f"write <<{here.delimiter} without quotes"
            self._refuse_bindings_before(end, "a quoted here-document, never expanded", remedy)
            self._take(end - self._at)
        else:
            body = self._script[self._at : end]
            self._out.append(_Scan(body, self._variable, Place.HEREDOC).run())
            self._at = end
        self._take(after + 1 - self._at)


def _token(binding: Binding) -> str:
    return "${{" + binding.what + "}}"
