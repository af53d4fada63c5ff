"""`gva render`: run a script and draw the graph that it builds."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, get_args

import click

from graphviz_autograd import Graph, Node
from graphviz_autograd.cli.defaults import WithDefaults
from graphviz_autograd.cli.progress import saying
from graphviz_autograd.cli.target import FORMATS, Target, settle, stem
from graphviz_autograd.errors import GraphFileError, OptionError
from graphviz_autograd.script import Engine, Kind, Outcome, Program, run

THEMES = ("light", "dark", "colorblind")
ENGINES = get_args(Engine)
STYLES = ("default", "classic")
RANKDIRS = ("TB", "LR", "BT", "RL")
DRAWING = ("show_attrs", "show_saved", "show_shapes", "max_attr_chars", "style", "theme", "rankdir")
RUNNING = ("engine", "root", "backward", "keep_going", "timeout")

EPILOG = """\b
Examples:
  gva render train.py                      writes train.svg
  gva render -o loss.png train.py --lr 1   --lr 1 is for train.py
  gva render --root "model(x)" train.py    a graph of your choice
  gva render --backward 3 -m pkg.train     the third backward() call
  gva render --engine own lesson.py        the same lesson on our own autograd
  gva render lesson.ipynb                  a notebook's code cells
  gva render -o graph.json train.py        keep the graph ...
  gva render --theme dark graph.json       ... and draw it later, without torch
"""


@click.command(cls=WithDefaults, epilog=EPILOG, context_settings={"allow_interspersed_args": False})
@click.option("-m", "module", is_flag=True, help="SCRIPT is a module's name, as for python -m.")
@click.option("-c", "code", is_flag=True, help="SCRIPT is Python code, as for python -c.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(allow_dash=True),
    help="Where the picture goes; - is stdout.  [default: SCRIPT's name with .svg, here]",
)
@click.option(
    "-f", "--format", type=click.Choice(FORMATS), help="Format, where FILE's suffix does not say."
)
@click.option("--no-clobber", is_flag=True, help="Refuse to write over a file.")
@click.option("--open", "opening", is_flag=True, help="Open the picture once it is written.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="torch",
    show_default=True,
    help="Whose autograd runs: own answers the script's `import torch` with our engine.",
)
@click.option(
    "--root",
    multiple=True,
    metavar="EXPR",
    help="Draw this expression of the script's variables; may be given again.",
)
@click.option(
    "--backward",
    type=click.IntRange(1),
    default=1,
    metavar="N",
    show_default=True,
    help="Draw the graph of the N-th backward() call.",
)
@click.option("--keep-going", is_flag=True, help="Run the script to its end, not to its graph.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="How long the script may take.",
)
@click.option(
    "--show-shapes/--no-show-shapes",
    default=True,
    show_default=True,
    help="The shapes of what ops put out.",
)
@click.option("--show-attrs", is_flag=True, help="What ops keep beside tensors.")
@click.option("--show-saved", is_flag=True, help="The tensors that ops saved for backward.")
@click.option(
    "--max-attr-chars",
    type=click.IntRange(3),
    default=50,
    metavar="N",
    show_default=True,
    help="Characters of an attribute's value that are shown.",
)
@click.option(
    "--theme", type=click.Choice(THEMES), default="light", show_default=True, help="Colours."
)
@click.option(
    "--style",
    type=click.Choice(STYLES),
    default="default",
    show_default=True,
    help="Which boxes: classic leaves out accumulators and outputs.",
)
@click.option(
    "--rankdir",
    type=click.Choice(RANKDIRS),
    default="TB",
    show_default=True,
    help="Which way the arrows go.",
)
@click.option(
    "--layout-timeout",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    metavar="SECONDS",
    show_default=True,
    help="How long the layout may take.",
)
@click.option(
    "--dot",
    "command",
    type=click.Path(),
    metavar="PATH",
    help="A Graphviz of your own in place of the one that comes along.",
)
@click.argument("script", metavar="SCRIPT", type=click.Path())
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def render(ctx: click.Context, /, script: str, args: tuple[str, ...], **options: Any) -> None:
    """Run SCRIPT as python would, and draw the autograd graph that it builds.

    SCRIPT is a Python file, a notebook, or a graph saved as .json. What comes after it is
    its own. The graph is that of the first backward() call, caught before it runs, and
    the script is stopped there; without such a call, that of the tensors left at its end.
    """
    if options["module"] and options["code"]:
        raise OptionError("-m and -c cannot be given together")
    kind: Kind = "module" if options["module"] else "code" if options["code"] else "file"
    if kind == "file" and script.endswith(".ipynb"):
        kind = "notebook"
    program = Program(kind, script, args)
    if options["opening"] and options["output"] == "-":
        raise OptionError("--open needs a file, and -o - is none")
    saved = kind == "file" and script.endswith(".json")
    if saved:
        _refuse_running(ctx, script, args)
        graph = _load(script)
    target = settle(options["output"], options["format"], stem(program), options["no_clobber"])
    outcome = Outcome(graph) if saved else _run(program, target, options)
    if outcome.graph is not None:
        _draw(outcome, target, options)
    if outcome.message:
        click.echo(f"Error: {outcome.message}", err=True)
    if not options["quiet"]:
        _hint_at_misplaced(ctx, outcome, args)
    ctx.exit(outcome.exit_code)


# ---- the graph


def _run(program: Program, target: Target, options: dict[str, Any]) -> Outcome:
    everything = target.format == "json"
    with saying(f"running {program.title} ...", options["quiet"]):
        return run(
            program,
            engine=options["engine"],
            roots=options["root"],
            backward=options["backward"],
            keep_going=options["keep_going"],
            timeout=options["timeout"],
            shapes=everything or options["show_shapes"],
            attrs=everything or options["show_attrs"],
            saved=everything or options["show_saved"],
        )


def _load(file: str) -> Graph:
    """A Graph that was saved as JSON."""
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise OptionError(f"cannot read {file!r}: {error}") from None
    try:
        return Graph.from_json(text)
    except GraphFileError as error:
        raise GraphFileError(f"{file}: {error}") from None


def _refuse_running(ctx: click.Context, file: str, args: tuple[str, ...]) -> None:
    """A saved graph is not run: what asks for that is a mistake."""
    given = [
        param.opts[-1]
        for param in ctx.command.params
        if param.name in RUNNING
        and ctx.get_parameter_source(param.name) is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise OptionError(f"{given[0]} is for scripts; {file} is a saved graph")
    if args:
        raise OptionError(f"{file} is a saved graph and takes no arguments: {' '.join(args)}")


def _hint_at_misplaced(ctx: click.Context, outcome: Outcome, args: tuple[str, ...]) -> None:
    """Where a script was given an option of ours, it may have been meant for us."""
    ours = {name for param in ctx.command.params for name in param.opts}
    misplaced = [arg for arg in args if arg.startswith("-") and arg.split("=")[0] in ours]
    if misplaced and (outcome.exit_code == 2 or misplaced[0] in ("-o", "--output")):
        click.echo(
            f"{misplaced[0]} was given to the script: options of gva come before it", err=True
        )


# ---- the picture


def _draw(outcome: Outcome, target: Target, options: dict[str, Any]) -> None:
    graph, quiet = outcome.graph, options["quiet"]
    assert graph is not None
    wanted: dict[str, Any] = {}
    if target.format != "json":
        wanted = {name: options[name] for name in DRAWING}
        wanted |= {"timeout": options["layout_timeout"], "command": options["command"]}
    with saying(f"laying out {len(graph.nodes)} nodes ...", quiet):
        if target.path is None:
            picture, notes = graph.draw(target.format, **wanted)
        else:
            notes = graph.save(target.path, format=target.format, **wanted)
    if not quiet:
        for note in notes:
            click.echo(note, err=True)
    if target.path is None:
        assert target.stream is not None
        with target.stream as stream:
            stream.write(picture)
        return
    if not quiet:
        click.echo(f"wrote {target.shown}: {describe(graph)}{_caught(outcome)}", err=True)
    if options["opening"]:
        click.launch(os.fspath(target.path))


def describe(graph: Graph) -> str:
    """A graph in a few words: its size and its roots."""
    nodes = graph.by_id()
    makers = {edge.target: nodes[edge.source] for edge in graph.edges if edge.kind == "grad"}
    roots = [_root(nodes[number], makers.get(number)) for number in graph.outputs]
    counts = {kind: sum(n.kind == kind for n in graph.nodes) for kind in ("op", "leaf")}
    counts["leaf"] += sum(n.kind == "output" and n.id not in makers for n in graph.nodes)
    what = f"root {roots[0]}" if len(roots) == 1 else f"{len(roots)} roots: {', '.join(roots[:3])}"
    more = ", ..." if len(roots) > 3 else ""
    leaves = f"{counts['leaf']} lea{'f' if counts['leaf'] == 1 else 'ves'}"
    return f"{what}{more}, {counts['op']} op{'s' * (counts['op'] != 1)}, {leaves}"


def _root(node: Node, maker: Node | None) -> str:
    name = ", ".join(node.names)
    op = maker.op if maker is not None and node.kind == "output" else ""
    text = f"{name} ({op})" if name and op else name or op or "without a name"
    return json.dumps(text, ensure_ascii=False)[1:-1]  # a name may hold a newline


def _caught(outcome: Outcome) -> str:
    return f" [{outcome.caught}]" if outcome.caught else ""
