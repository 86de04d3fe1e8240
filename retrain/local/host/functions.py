"""The functions of an app, read from its decorators as the real host reads them.

The worker hands the host one JSON object per binding (`get_raw_bindings`); so here. What the real
host would refuse is refused, and so is a kind of binding that this host can't serve.
"""

import inspect
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure.functions.decorators.function_app import Function as DecoratedFunction

from retrain.local.host.errors import AppRefused

TRIGGERS = ("httpTrigger", "timerTrigger", "blobTrigger", "serviceBusTrigger")
OUTPUTS = ("http", "serviceBus")
RETURN = "$return"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}")
_BINDING_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,127}")
_SETTING = re.compile(r"%([^%]+)%")


@dataclass(frozen=True, slots=True)
class Binding:
    """One binding; `fields` are function.json's, with every %SETTING% resolved."""

    type: str
    name: str
    direction: str
    fields: Mapping[str, Any]

    def text(self, name: str) -> str:
        return str(self.fields.get(name) or "")

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.fields.get(name)
        return default if value is None else bool(value)


@dataclass(frozen=True, slots=True)
class Function:
    """A function ready to be called. `retry` is its retry policy as decorated, empty for none."""

    name: str
    call: Callable[..., Any]
    trigger: Binding
    outputs: tuple[Binding, ...]
    retry: Mapping[str, Any]
    is_async: bool
    wants_context: bool
    disabled: bool = False


def read_functions(
    decorated: Sequence[DecoratedFunction], environment: Mapping[str, str]
) -> tuple[Function, ...]:
    """Read and check all functions, ordered by name, as routes are tried.

    Raises AppRefused naming the function and the binding at fault.
    """
    functions = [_read(one, environment) for one in decorated]
    seen: set[str] = set()
    for function in functions:
        if function.name.casefold() in seen:
            raise AppRefused(f"Two functions are named '{function.name}'; rename one of them.")
        seen.add(function.name.casefold())
    return tuple(sorted(functions, key=lambda function: function.name.casefold()))


def _read(decorated: DecoratedFunction, environment: Mapping[str, str]) -> Function:
    name = decorated.get_function_name() or ""
    if not _NAME.fullmatch(name):
        raise AppRefused(f"'{name}' can't be a function's name: use letters, digits, - and _.")
    bindings = [_binding(name, raw, environment) for raw in decorated.get_raw_bindings()]
    _check_names(name, bindings)
    triggers = [one for one in bindings if one.type.lower().endswith("trigger")]
    if len(triggers) != 1:
        raise AppRefused(f"Function '{name}' has {len(triggers)} triggers; it needs exactly one.")
    outputs = tuple(one for one in bindings if one is not triggers[0])
    _check_kinds(name, triggers[0], outputs)
    call = decorated.get_user_function()
    parameters = set(inspect.signature(call).parameters)
    _check_parameters(name, parameters, triggers[0], outputs)
    return Function(
        name=name,
        call=call,
        trigger=triggers[0],
        outputs=outputs,
        retry=decorated.get_settings_dict("retry_policy") or {},
        is_async=inspect.iscoroutinefunction(call),
        wants_context="context" in parameters,
        disabled=_disabled(name, environment),
    )


def _disabled(function: str, environment: Mapping[str, str]) -> bool:
    """Whether the setting says so that switches a function off in Azure."""
    for name in (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled"):
        value = environment.get(name) or os.environ.get(name, "")
        if value.lower() in ("true", "1"):
            return True
    return False


def _binding(function: str, raw: str, environment: Mapping[str, str]) -> Binding:
    fields = json.loads(raw)
    name = str(fields.get("name", ""))
    if name != RETURN and not _BINDING_NAME.fullmatch(name):
        raise AppRefused(
            f"Function '{function}': The binding name {name} is invalid. Please assign a valid "
            "name to the binding: letters and digits only, though the worker takes more (arg_name)."
        )
    if name == RETURN and str(fields.get("direction", "")).upper() != "OUT":
        raise AppRefused(f"Function '{function}': {RETURN} bindings must specify 'out'.")

    def setting(match: re.Match[str]) -> str:
        value = environment.get(match[1], os.environ.get(match[1]))
        if value is None:
            raise AppRefused(
                f"Function '{function}', binding '{name}': the setting {match[1]} is not set. "
                f"Set it in the environment (in Azure: an application setting)."
            )
        return value

    resolved = {
        key: _SETTING.sub(setting, value) if isinstance(value, str) else value
        for key, value in fields.items()
    }
    return Binding(str(fields["type"]), name, str(fields["direction"]), resolved)


def _check_names(function: str, bindings: Sequence[Binding]) -> None:
    names = [binding.name.casefold() for binding in bindings]
    for binding, name in zip(bindings, names, strict=True):
        if names.count(name) > 1:
            raise AppRefused(
                f"Function '{function}': Multiple bindings with name '{binding.name}' discovered. "
                "Binding names must be unique."
            )


def _check_kinds(function: str, trigger: Binding, outputs: Sequence[Binding]) -> None:
    if trigger.type not in TRIGGERS:
        raise AppRefused(
            f"Function '{function}': the local host has no {trigger.type} (binding "
            f"'{trigger.name}'); it fires {', '.join(TRIGGERS)}."
        )
    for binding in outputs:
        if binding.type not in OUTPUTS or binding.direction != "OUT":
            raise AppRefused(
                f"Function '{function}', binding '{binding.name}': the local host can't serve "
                f"{binding.type} ({binding.direction}); it has these outputs: {', '.join(OUTPUTS)}."
            )


def _check_parameters(
    function: str, parameters: set[str], trigger: Binding, outputs: Sequence[Binding]
) -> None:
    bound = {binding.name for binding in (trigger, *outputs)} - {RETURN}
    unbound = parameters - bound - {"context"}
    missing = bound - parameters
    if unbound or missing:
        names = ", ".join(sorted(unbound or missing))
        lack = "have no binding" if unbound else "are bound and not in the function's signature"
        raise AppRefused(f"Function '{function}': the parameters {names} {lack}.")
