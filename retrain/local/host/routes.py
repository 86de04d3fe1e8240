"""Which function answers a request: route templates, tried in the order of the functions' names.

The templates are ASP.NET's: `jobs/{name}`, `{id:int}`, `{page?}`, `{*rest}`; letters of any case
match. The first that matches wins, so a catch-all hides every function that sorts after it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from retrain.local.host.errors import AppRefused
from retrain.local.host.functions import Function

_CONSTRAINTS = {
    "": r"[^/]+",
    "int": r"-?\d+",
    "long": r"-?\d+",
    "alpha": r"[A-Za-z]+",
    "bool": r"(?:true|false)",
    "guid": r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}",
    "decimal": r"-?\d+(?:\.\d+)?",
    "float": r"-?\d+(?:\.\d+)?",
    "double": r"-?\d+(?:\.\d+)?",
}
_PARAMETER = re.compile(r"\{(\*{0,2})([A-Za-z]\w*)(?::(\w+))?(\??)\}")
_RESERVED = ("admin", "runtime")


@dataclass(frozen=True, slots=True)
class Route:
    """One HTTP function and what it answers to. `methods` is empty for all of them.

    template: as the function gives it, without the prefix.
    """

    function: Function
    level: str
    methods: frozenset[str]
    pattern: re.Pattern[str]
    template: str


class Routes:
    """All HTTP functions of an app. Raises AppRefused for a route the real host would refuse."""

    def __init__(self, functions: Iterable[Function], prefix: str) -> None:
        self._routes: list[Route] = []
        self._prefix = prefix
        for function in functions:
            if function.trigger.type == "httpTrigger":
                route = _route(function, prefix)
                self._refuse_conflict(route)
                self._routes.append(route)

    def template_of(self, function: Function) -> str | None:
        """The whole template of a function's route; None when it has none."""
        for route in self._routes:
            if route.function.name == function.name:
                return "/".join(part for part in (self._prefix, route.template) if part)
        return None

    def _refuse_conflict(self, route: Route) -> None:
        for other in self._routes:
            same = route.template.casefold() == other.template.casefold()
            # No methods are all methods.
            if same and (route.methods & other.methods or not (route.methods and other.methods)):
                raise AppRefused(
                    f"Function '{route.function.name}': The route specified conflicts with the "
                    f"route defined by function '{other.function.name}'."
                )

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
        """The function for a raw (still encoded) path, and its route parameters, decoded."""
        for route in self._routes:
            if route.methods and method not in route.methods:
                continue
            match = route.pattern.fullmatch(path)
            if match:
                found = match.groupdict()
                return route, {name: unquote(text) for name, text in found.items() if text}
        return None


def _route(function: Function, prefix: str) -> Route:
    template = function.trigger.text("route") or function.name
    if prefix and template.startswith("/"):
        raise AppRefused(
            f"Function '{function.name}': its route '{prefix}/{template}' is not valid. "
            'With AsgiFunctionApp host.json must set extensions.http.routePrefix to "".'
        )
    template = template.strip("/")
    if template.casefold().startswith(_RESERVED):
        raise AppRefused(
            f"Function '{function.name}': The specified route conflicts with one or more built in "
            f"routes: the host keeps those that start with {' or '.join(_RESERVED)}; rename "
            f"'{template}'."
        )
    whole = "/".join(part for part in (prefix, template) if part)
    methods = function.trigger.fields.get("methods") or ()
    return Route(
        function=function,
        level=(function.trigger.text("authLevel") or "FUNCTION").upper(),
        methods=frozenset(str(method).upper() for method in methods),
        pattern=_pattern(function.name, whole),
        template=template,
    )


def _pattern(function: str, template: str) -> re.Pattern[str]:
    pattern = ""
    for segment in template.split("/") if template else ():
        pattern += _segment(function, segment)
    try:
        return re.compile(pattern + "/?", re.IGNORECASE)
    except re.error as error:
        raise AppRefused(f"Function '{function}': the route '{template}': {error}") from error


def _segment(function: str, segment: str) -> str:
    """One segment as a regular expression, with the slash before it."""
    whole = _PARAMETER.fullmatch(segment)
    if whole and whole[1]:
        return f"(?:/(?P<{whole[2]}>.*))?"
    if whole and whole[4]:
        return f"(?:/(?P<{whole[2]}>{_constraint(function, whole[3])}))?"
    pattern, end = "", 0
    for match in _PARAMETER.finditer(segment):
        pattern += re.escape(segment[end : match.start()])
        pattern += f"(?P<{match[2]}>{_constraint(function, match[3])})"
        end = match.end()
    rest = segment[end:]
    if "{" in rest or "}" in rest:
        raise AppRefused(f"Function '{function}': the route's part '{segment}' is not understood.")
    return f"/{pattern}{re.escape(rest)}"


def _constraint(function: str, name: str | None) -> str:
    try:
        return _CONSTRAINTS[name or ""]
    except KeyError:
        raise AppRefused(
            f"Function '{function}': the local host knows no route constraint '{name}'; "
            f"it has {', '.join(key for key in _CONSTRAINTS if key)}."
        ) from None
