"""Tools that an operator adds: async functions in a module that `BATON_TOOLS_MODULE` names.

`docs/tools.md` is the guide.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, PydanticUserError, ValidationError, create_model
from pydantic_core import to_jsonable_python

from engine.tools.tool import OPERATOR_SOURCE, Call, Effect, ExternalTool, ToolFailed
from settings import SettingsError

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])

_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}")
_MARK = "__baton_tool__"
_LONGEST_SECONDS = 3_600


class BadTool(TypeError):
    """A function cannot be a tool; the message says why."""


def tool(
    *,
    effect: Effect | str,
    timeout_seconds: float = 30.0,
    name: str | None = None,
    description: str | None = None,
) -> Callable[[F], F]:
    """Makes a tool of an async function, which stays as it is.

    Its type hints say what it takes; a parameter of the type `Call` gets what is known of the call. Its
    name and docstring are the tool's, unless given. `effect` says what a repeated call would do. Raises
    BadTool.
    """

    def mark(function: F) -> F:
        setattr(
            function,
            _MARK,
            ExternalTool(
                name=_checked_name(name or getattr(function, "__name__", "")),
                description=description or inspect.getdoc(function) or _no_description(function),
                parameters=(arguments := _arguments(function)).model_json_schema(),
                effect=Effect(effect),
                timeout_seconds=_checked_seconds(timeout_seconds),
                source=OPERATOR_SOURCE,
                call=_caller(function, arguments),
            ),
        )
        return function

    return mark


@cache
def operator_tools(module_name: str | None) -> tuple[ExternalTool, ...]:
    """The tools of a module. Raises SettingsError where it cannot be used."""
    if module_name is None:
        return ()
    try:
        module = import_module(module_name)
    except Exception as error:
        raise SettingsError(f"BATON_TOOLS_MODULE: {module_name} cannot be imported: {error!r}") from error
    found = [getattr(value, _MARK) for value in vars(module).values() if hasattr(value, _MARK)]
    tools = {one.name: one for one in found}
    if not tools:
        raise SettingsError(f"BATON_TOOLS_MODULE: {module_name} has no function that is marked as a tool")
    return tuple(tools.values())


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadTool(f"{name!r} is no name for a tool: a letter, then letters, digits, _ and -; 64 at most.")
    return name


def _checked_seconds(seconds: float) -> float:
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise BadTool(f"timeout_seconds is more than 0 and at most {_LONGEST_SECONDS:,}.")
    return seconds


def _no_description(function: object) -> str:
    raise BadTool(f"{function!r} needs a docstring: it tells the model what the tool is for.")


def _arguments(function: Callable[..., Any]) -> type[BaseModel]:
    """What the function takes from a model, by its type hints."""
    if not inspect.iscoroutinefunction(function):
        raise BadTool(f"{function!r} must be `async def`: a call must be able to be stopped.")
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise BadTool(f"{function!r}: {parameter} cannot be given by name.")
        if parameter.name not in hints:
            raise BadTool(f"{function!r}: {parameter.name} has no type hint.")
        if hints[parameter.name] is not Call:
            default: Any = ... if parameter.default is parameter.empty else parameter.default
            fields[parameter.name] = (hints[parameter.name], default)
    try:
        return create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)
    except PydanticUserError as error:
        raise BadTool(f"{function!r}: {error}") from None


def _caller(
    function: Callable[..., Awaitable[Any]], arguments: type[BaseModel]
) -> Callable[[Call], Awaitable[Any]]:
    hints = get_type_hints(function)
    takes_call = [name for name, hint in hints.items() if hint is Call and name != "return"]

    async def call(made: Call) -> Any:
        given = _read(arguments, made.arguments)
        named: dict[str, Any] = {name: getattr(given, name) for name in arguments.model_fields}
        answer = await function(**named, **dict.fromkeys(takes_call, made))
        return to_jsonable_python(answer)

    return call


def _read(arguments: type[BaseModel], given: Mapping[str, Any]) -> BaseModel:
    try:
        return arguments.model_validate(given)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise ToolFailed("; ".join(problems)) from None
