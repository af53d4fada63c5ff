"""Defaults for a command from [tool.graphviz-autograd] in pyproject.toml.

The nearest pyproject.toml counts, from the folder where gva was started upwards. Its
keys are the command's long option names; the command line wins over them.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any

import click

from graphviz_autograd.errors import OptionError

TABLE = "graphviz-autograd"


class WithDefaults(click.Command):
    """A command whose options have defaults in the nearest pyproject.toml."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing and not {"-h", "--help"} & set(args):
            ctx.default_map = read(self, Path.cwd())
        return super().parse_args(ctx, args)


def read(command: click.Command, folder: Path) -> dict[str, Any]:
    """The defaults for a command started in `folder`, by parameter name.

    Raises OptionError, naming file and key, for what the command cannot use.
    """
    file = next(
        (f for d in (folder, *folder.parents) if (f := d / "pyproject.toml").is_file()), None
    )
    if file is None:
        return {}
    try:
        tools = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
        table = tools.get(TABLE, {})
    except (OSError, ValueError, AttributeError) as error:
        raise OptionError(f"{file}: {error}") from None
    if TABLE.replace("-", "_") in tools:
        raise OptionError(f"{file}: the table is called [tool.{TABLE}], with a hyphen")
    if not isinstance(table, dict):
        raise OptionError(f"{file}: [tool.{TABLE}] should be a table")
    options = {
        name.removeprefix("--"): option
        for option in command.params
        if isinstance(option, click.Option)
        for name in option.opts
        if name.startswith("--")
    }
    defaults = {}
    for key, value in table.items():
        where = f"{file}: [tool.{TABLE}] {key}"
        if key not in options:
            near = difflib.get_close_matches(key, options, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(options)}"
            raise OptionError(f"{where}: there is no such option; {hint}")
        _check(options[key], value, where)
        defaults[options[key].name or key] = value
    return defaults


def _check(option: click.Option, value: Any, where: str) -> None:
    wanted, kinds = _kinds(option)
    values = value if option.multiple and isinstance(value, list) else [value]
    if (option.multiple and not isinstance(value, list)) or any(
        not isinstance(each, kinds) or (isinstance(each, bool) and bool not in kinds)
        for each in values
    ):
        raise OptionError(f"{where}: expected {wanted}, not {value!r}")
    try:
        for each in values:
            option.type.convert(each, option, None)
    except click.BadParameter as error:
        raise OptionError(f"{where}: {error.message}") from None


def _kinds(option: click.Option) -> tuple[str, tuple[type, ...]]:
    """What a TOML value for the option should be, in words and as Python types."""
    if option.is_flag:
        return "true or false", (bool,)
    if option.multiple:
        return "a list of texts", (str,)
    if isinstance(option.type, click.types.IntParamType):
        return "a whole number", (int,)
    if isinstance(option.type, click.types.FloatParamType):
        return "a number", (int, float)
    return "a text", (str,)
