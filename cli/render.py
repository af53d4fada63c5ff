"""`gva render`: run a script and draw the graph that it builds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from graphviz_autograd import Graph
from graphviz_autograd.cli import options as shared
from graphviz_autograd.cli.defaults import WithDefaults
from graphviz_autograd.cli.picture import EVERYTHING, draw
from graphviz_autograd.cli.progress import saying
from graphviz_autograd.cli.target import settle, stem
from graphviz_autograd.errors import GraphFileError, OptionError
from graphviz_autograd.script import Engine, Outcome, run

ENGINES = get_args(Engine)
RUNNING = ("engine", "root", "backward", "keep_going", "timeout")

EPILOG = """\b
Examples:
  gva render train.py                      writes train.svg
  gva render -o loss.png train.py --lr 1   --lr 1 is for train.py
  gva render --root "model(x)" train.py    a graph of your choice
  gva render --backward 3 -m pkg.train     the third backward() call
  gva render --engine own lesson.py        the same lesson on our own autograd
  gva render lesson.ipynb                  a notebook's code cells
  gva render --depth 1 train.py            a box for each module that the model calls
  gva render --focus fc1.weight train.py   what is around one tensor
  gva render -o graph.json train.py        keep the graph ...
  gva render --theme dark graph.json       ... and draw it later, without torch
"""


@click.command(cls=WithDefaults, epilog=EPILOG, context_settings={"allow_interspersed_args": False})
@shared.KIND
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(allow_dash=True),
    help="Where the picture goes; - is stdout.  [default: SCRIPT's name with .svg, here]",
)
@shared.FILE
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="torch",
    show_default=True,
    help="Whose autograd runs: own answers the script's `import torch` with our engine.",
)
@shared.GRAPH
@shared.SIZE
@shared.LOOK
@click.argument("script", metavar="SCRIPT", type=click.Path())
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def render(ctx: click.Context, /, script: str, args: tuple[str, ...], **options: Any) -> None:
    """Run SCRIPT as python would, and draw the autograd graph that it builds.

    SCRIPT is a Python file, a notebook, or a graph saved as .json. What comes after it is
    its own. The graph is that of the first backward() call, caught before it runs, and
    the script is stopped there; without such a call, that of the tensors left at its end.
    """
    program = shared.program_of(script, args, options)
    shared.refuse_clashing(ctx)
    if options["opening"] and options["output"] == "-":
        raise OptionError("--open needs a file, and -o - is none")
    saved = program.kind == "file" and script.endswith(".json")
    if saved:
        _refuse_running(ctx, script, args)
        graph = _load(script)
    target = settle(options["output"], options["format"], stem(program), options["no_clobber"])
    if saved:
        outcome = Outcome(graph)
    else:
        wanted = shared.running(options, everything=target.format in EVERYTHING)
        with saying(f"running {program.title} ...", options["quiet"]):
            outcome = run(program, engine=options["engine"], **wanted)
    if outcome.graph is not None:
        draw(outcome.graph, target, options, outcome.caught)
    if outcome.message:
        click.echo(f"Error: {outcome.message}", err=True)
    if not options["quiet"]:
        shared.hint_at_misplaced(ctx, outcome, args)
    ctx.exit(outcome.exit_code)


def _load(file: str) -> Graph:
    """A Graph that was saved as JSON."""
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise OptionError(f"cannot read {file!r}: {why}") from None
    try:
        return Graph.from_json(text)
    except GraphFileError as error:
        raise GraphFileError(f"{file}: {error}") from None


def _refuse_running(ctx: click.Context, file: str, args: tuple[str, ...]) -> None:
    """A saved graph is not run: what asks for that is a mistake."""
    asked = shared.given(ctx, *RUNNING)
    if asked:
        raise OptionError(f"{asked[0]} is for scripts; {file} is a saved graph")
    if args:
        raise OptionError(f"{file} is a saved graph and takes no arguments: {' '.join(args)}")
