"""Options that several commands have: how a script is run, and what its picture looks like."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from graphviz_autograd.cli.target import FORMATS
from graphviz_autograd.emit.theme_file import theme_of
from graphviz_autograd.errors import OptionError
from graphviz_autograd.script import Kind, Outcome, Program

THEMES = ("light", "dark", "colorblind")
STYLES = ("default", "classic")
RANKDIRS = ("TB", "LR", "BT", "RL")
DRAWING = (
    "show_attrs",
    "show_saved",
    "show_shapes",
    "show_inputs",
    "max_attr_chars",
    "style",
    "theme",
    "rankdir",
    "legend",
)


class ThemeName(click.types.StringParamType):
    """A theme of ours, or a TOML file that holds one."""

    name = "theme"
    ours = click.Choice(THEMES)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not str(value).lower().endswith(".toml"):
            return str(self.ours.convert(value, param, ctx))
        theme_of(value)  # what is wrong with it is told before the script runs
        return os.path.abspath(str(value))  # the script may go to another folder

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return self.ours.shell_complete(ctx, param, incomplete)


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def together(*options: Decorator) -> Decorator:
    """Several options as one decorator; `--help` lists them in this order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


KIND = together(
    click.option("-m", "module", is_flag=True, help="SCRIPT is a module's name, as for python -m."),
    click.option("-c", "code", is_flag=True, help="SCRIPT is Python code, as for python -c."),
)

FILE = together(
    click.option(
        "-f",
        "--format",
        type=click.Choice(FORMATS),
        help="Format, where FILE's suffix does not say.",
    ),
    click.option("--no-clobber", is_flag=True, help="Refuse to write over a file."),
    click.option("--open", "opening", is_flag=True, help="Open the picture once it is written."),
    click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors."),
)

GRAPH = together(
    click.option(
        "--root",
        multiple=True,
        metavar="EXPR",
        help="The graph of this expression of the script's variables; may be given again.",
    ),
    click.option(
        "--backward",
        type=click.IntRange(1),
        default=1,
        metavar="N",
        show_default=True,
        help="The graph of the N-th backward() call.",
    ),
    click.option("--keep-going", is_flag=True, help="Run the script to its end, not to its graph."),
    click.option(
        "--timeout",
        type=click.FloatRange(0, min_open=True),
        metavar="SECONDS",
        help="How long the script may take.",
    ),
)

SIZE = together(
    click.option(
        "--max-nodes",
        type=click.IntRange(1),
        default=150,
        metavar="N",
        show_default=True,
        help="Boxes above which a picture is folded and collapsed by itself.",
    ),
    click.option("--full", is_flag=True, help="Draw everything, however much it is."),
    click.option(
        "--depth",
        type=click.IntRange(0),
        metavar="N",
        help="Modules at this depth as one box each: 0 the model, 1 those it calls.",
    ),
    click.option(
        "--collapse",
        multiple=True,
        metavar="PATH",
        help='This module as one box; * and ? as in "layers.*"; may be given again.',
    ),
    click.option(
        "--fold/--no-fold",
        default=None,
        help='Equal blocks as one box, "Block ×12".  [default: above --max-nodes]',
    ),
    click.option(
        "--fold-plumbing", is_flag=True, help="Views, transposes and copies as thin boxes."
    ),
    click.option(
        "--clone-leaves/--no-clone-leaves",
        default=True,
        show_default=True,
        help="A leaf of four uses or more once for each of them.",
    ),
    click.option(
        "--focus", metavar="NAME", help="What is around a tensor, an op or a module path."
    ),
    click.option(
        "--hops",
        type=click.IntRange(0),
        default=2,
        metavar="N",
        show_default=True,
        help="How many arrows around it --focus reaches.",
    ),
    click.option(
        "--between",
        nargs=2,
        metavar="FROM TO",
        help="What lies on a way from one tensor, op or module to another.",
    ),
    click.option(
        "--only",
        multiple=True,
        metavar="PATTERN",
        help="Ops, modules or kinds to draw, and no others; may be given again.",
    ),
    click.option(
        "--hide",
        multiple=True,
        metavar="PATTERN",
        help="Ops, modules or kinds not to draw; may be given again.",
    ),
)

LOOK = together(
    click.option(
        "--show-shapes/--no-show-shapes",
        default=True,
        show_default=True,
        help="The shapes of what ops put out.",
    ),
    click.option("--show-attrs", is_flag=True, help="What ops keep beside tensors."),
    click.option("--show-saved", is_flag=True, help="The tensors that ops saved for backward."),
    click.option(
        "--show-inputs",
        is_flag=True,
        help="The tensors that need no gradient (with the engine's graph only).",
    ),
    click.option(
        "--max-attr-chars",
        type=click.IntRange(3),
        default=50,
        metavar="N",
        show_default=True,
        help="Characters of an attribute's value that are shown.",
    ),
    click.option(
        "--theme",
        type=ThemeName(),
        metavar=f"[{'|'.join(THEMES)}|FILE.toml]",
        show_default="light; of a page, the system's",
        help="Colours: one of ours, or a file of your own.",
    ),
    click.option("--legend", is_flag=True, help="Explain colours and lines below the picture."),
    click.option(
        "--style",
        type=click.Choice(STYLES),
        default="default",
        show_default=True,
        help="Which boxes: classic leaves out accumulators and outputs.",
    ),
    click.option(
        "--rankdir",
        type=click.Choice(RANKDIRS),
        default="TB",
        show_default=True,
        help="Which way the arrows go.",
    ),
    click.option(
        "--layout-timeout",
        type=click.FloatRange(0, min_open=True),
        default=60.0,
        metavar="SECONDS",
        show_default=True,
        help="How long the layout may take.",
    ),
    click.option(
        "--dot",
        "command",
        type=click.Path(),
        metavar="PATH",
        help="A Graphviz of your own in place of the one that comes along.",
    ),
)


def program_of(script: str, args: tuple[str, ...], options: dict[str, Any]) -> Program:
    """The program that SCRIPT, -m and -c name."""
    if options["module"] and options["code"]:
        raise OptionError("-m and -c cannot be given together")
    kind: Kind = "module" if options["module"] else "code" if options["code"] else "file"
    if kind == "file" and script.endswith(".ipynb"):
        kind = "notebook"
    return Program(kind, script, args)


def running(options: dict[str, Any], everything: bool) -> dict[str, Any]:
    """What `run` is told of the graph; `everything` is read of one that is kept as JSON."""
    return {
        "roots": options["root"],
        "backward": options["backward"],
        "keep_going": options["keep_going"],
        "timeout": options["timeout"],
        "shapes": everything or options["show_shapes"],
        "attrs": everything or options["show_attrs"],
        "saved": everything or options["show_saved"],
        "inputs": options["show_inputs"] or (everything and options.get("engine") == "own"),
    }


def given(ctx: click.Context, *names: str) -> list[str]:
    """Which of these parameters stand on the command line, as a person types them."""
    return [
        param.opts[-1]
        for param in ctx.command.params
        if param.name in names
        and ctx.get_parameter_source(param.name) is click.core.ParameterSource.COMMANDLINE
    ]


def refuse_clashing(ctx: click.Context) -> None:
    """Everything, and less than everything; around what, and around nothing: mistakes in use."""
    less = given(ctx, "max_nodes", "depth", "collapse", "fold")
    if less and given(ctx, "full"):
        raise OptionError(f"--full draws everything, and {less[0]} does not: give one of them")
    if given(ctx, "hops") and ctx.params["focus"] is None:
        raise OptionError("--hops is how far --focus reaches: give --focus NAME")


def hint_at_misplaced(ctx: click.Context, outcome: Outcome, args: tuple[str, ...]) -> None:
    """Where a script was given an option of ours, it may have been meant for us."""
    ours = {name for param in ctx.command.params for name in param.opts}
    misplaced = [arg for arg in args if arg.startswith("-") and arg.split("=")[0] in ours]
    if misplaced and (outcome.exit_code == 2 or misplaced[0] in ("-o", "--output")):
        click.echo(
            f"{misplaced[0]} was given to the script: options of gva come before it", err=True
        )
