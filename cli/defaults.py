"""Defaults for a command from [tool.graphviz-autograd] in pyproject.toml.

The nearest pyproject.toml counts, from the folder where gva was started upwards. Its
keys are the long option names of the commands; each command takes those that it has, and the
command line wins over them.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from graphviz_autograd.errors import OptionError

TABLE = "graphviz-autograd"


class WithDefaults(click.Command):
    """A command whose options have defaults in the nearest pyproject.toml."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing and not {"-h", "--help"} & set(args):
            ctx.default_map = read(self, Path.cwd(), _others(ctx))
        return super().parse_args(ctx, args)


def _others(ctx: click.Context) -> list[click.Command]:
    """The other commands that have defaults in that file."""
    group, parent = ctx.parent and ctx.parent.command, ctx.parent
    if not isinstance(group, click.Group) or parent is None:
        return []
    commands = [group.get_command(parent, name) for name in group.list_commands(parent)]
    return [command for command in commands if isinstance(command, WithDefaults)]


def read(
    command: click.Command, folder: Path, others: Sequence[click.Command] = ()
) -> dict[str, Any]:
    """The defaults for a command started in `folder`, by parameter name.

    others  commands whose options the file may name as well

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
    options = _options(command)
    of_others = {name for other in others for name in _options(other)} - options.keys()
    defaults = {}
    for key, value in table.items():
        where = f"{file}: [tool.{TABLE}] {key}"
        if key in of_others:
            continue
        if key not in options:
            near = difflib.get_close_matches(key, options, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(options)}"
            raise OptionError(f"{where}: there is no such option; {hint}")
        if options[key].name == "theme" and str(value).lower().endswith(".toml"):
            value = str(file.parent / value)  # a file is named from the file that names it
        _check(options[key], value, where)
        defaults[options[key].name or key] = value
    return defaults


def _options(command: click.Command) -> dict[str, click.Option]:
    """A command's options, by their long names."""
    return {
        name.removeprefix("--"): option
        for option in command.params
        if isinstance(option, click.Option)
        for name in option.opts
        if name.startswith("--")
    }


def _check(option: click.Option, value: Any, where: str) -> None:
    if option.nargs != 1:
        raise OptionError(f"{where}: give it on the command line; it depends on the script")
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
