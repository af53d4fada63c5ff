"""`gva verify`: run a script and check the gradients of the graph that it builds.

With --ops the engine is held against torch on torch's own database of operators instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from graphviz_autograd.cli import options as shared
from graphviz_autograd.cli.checking import Examination, missing
from graphviz_autograd.cli.defaults import WithDefaults
from graphviz_autograd.cli.picture import EVERYTHING, describe, draw
from graphviz_autograd.cli.progress import saying
from graphviz_autograd.cli.sweeping import DTYPES, sweep_operators
from graphviz_autograd.cli.target import Target, settle, stem, writer
from graphviz_autograd.errors import OptionError
from graphviz_autograd.script import Outcome, run

if TYPE_CHECKING:
    from graphviz_autograd import Report

AGAINST = ("torch", "numeric")
DISAGREES, UNCHECKED = 3, 5
BROKEN = (
    "nothing was checked, for the check itself failed. That is a fault of graphviz-autograd, "
    "please report it with the script"
)

OF_SCRIPTS = (
    *("module", "code", "output", "format", "no_clobber", "opening", "root", "backward"),
    *("keep_going", "timeout", "against", "strict", "allow"),
)

OF_PICTURES = (
    *("format", "no_clobber", "opening", "max_nodes", "full", "depth", "collapse", "fold"),
    *("fold_plumbing", "clone_leaves", "focus", "hops", "between", "only", "hide", "legend"),
    *("theme", "style", "rankdir", "layout_timeout", "command"),
)

EPILOG = """\b
Examples:
  gva verify train.py                      the graph of its first backward() call
  gva verify -o checked.svg train.py       ... drawn, what fails in red
  gva verify --order 2 train.py            gradients of gradients too
  gva verify --against numeric train.py    finite differences beside torch
  gva verify --allow RoundSTE train.py     a gradient that differs on purpose
  gva verify --json report.json --strict -m pkg.train
  gva verify --ops "linalg"                torch's own samples of these operators

\b
Exit: 0 all matched, 3 a disagreement or a backward that raises, 4 no graph, 5 nothing
(--strict: not all) could be checked, 1 the script failed before its graph, 2 a mistake in use.
"""


class _Verify(WithDefaults):
    """What follows SCRIPT is the script's own; what follows a PATTERN of --ops is ours."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first, _, _ = self.make_parser(ctx).parse_args(list(args))
        ctx.allow_interspersed_args = bool(first.get("ops"))
        return super().parse_args(ctx, args)


@click.command(cls=_Verify, epilog=EPILOG, context_settings={"allow_interspersed_args": False})
@shared.KIND
@click.option(
    "--order",
    type=click.IntRange(1, 2),
    default=1,
    show_default=True,
    help="2 checks gradients of gradients too.",
)
@click.option(
    "--against",
    type=click.Choice(AGAINST),
    default="torch",
    show_default=True,
    help="numeric adds finite differences in float64.",
)
@click.option(
    "--allow",
    multiple=True,
    metavar="NAME",
    help="A node or Function whose gradient may differ; may be given again.",
)
@click.option("--strict", is_flag=True, help="Exit 5 where anything was not checked.")
@click.option(
    "--device",
    metavar="DEVICE",
    help="Where tensors are made that the script does not place; with --ops where to run.",
)
@click.option("--require-cuda", is_flag=True, help="Exit 5 where nothing was checked on CUDA.")
@click.option(
    "--json",
    "report_file",
    type=click.Path(allow_dash=True),
    metavar="FILE",
    help="Write the report as JSON; - is stdout.",
)
@click.option(
    "--ops", is_flag=True, help="Check the engine on torch's operators; SCRIPT is a pattern."
)
@click.option(
    "--dtype", type=click.Choice(DTYPES), default="float64", help="Of --ops.", show_default=True
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(allow_dash=True),
    help="Draw the graph with what was found painted on it; - is stdout.",
)
@shared.FILE
@shared.GRAPH
@shared.SIZE
@shared.LOOK
@click.argument("script", metavar="SCRIPT", type=click.Path(), required=False)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def verify(
    ctx: click.Context, /, script: str | None, args: tuple[str, ...], **options: Any
) -> None:
    """Run SCRIPT as python would, and check the gradients of the graph that it builds.

    SCRIPT is a Python file or a notebook; what comes after it is its own. The graph is
    that of the first backward() call, or of the tensors left at the end. Every node's
    gradient is compared with that of our own engine for the operators that ran in it, and
    every leaf's through the whole graph; the report names the first node that is wrong.
    """
    if options["ops"]:
        _refuse(ctx, OF_SCRIPTS, "is for scripts, not for --ops")
        if args:
            raise OptionError(f"--ops takes one PATTERN, and {script} is one: {' '.join(args)}")
        ctx.exit(_check_operators(script or "", options))
    if script is None:
        raise OptionError("give a SCRIPT to check, or --ops")
    _refuse(ctx, ("dtype",), "is for --ops: a script's tensors have their own")
    if options["output"] is None:
        _refuse(ctx, OF_PICTURES, "is for a picture: give -o FILE")
    elif options["output"] == "-" and options["opening"]:
        raise OptionError("--open needs a file, and -o - is none")
    if options["output"] == options["report_file"] == "-":
        raise OptionError("-o - and --json - cannot both have stdout")
    _refuse(ctx, ("show_inputs",), "is for the engine's graph, and this is torch's")
    shared.refuse_clashing(ctx)
    lacking = missing(options["device"], options["require_cuda"])
    if lacking:
        click.echo(f"Error: nothing was checked: {lacking}", err=True)
        ctx.exit(UNCHECKED)
    ctx.exit(_check_script(ctx, script, args, options))


def _refuse(ctx: click.Context, names: tuple[str, ...], why: str) -> None:
    asked = shared.given(ctx, *names)
    if asked:
        raise OptionError(f"{asked[0]} {why}")


def _check_operators(pattern: str, options: dict[str, Any]) -> int:
    lacking = missing(options["device"], options["require_cuda"])
    if lacking:
        click.echo(f"Error: nothing was checked: {lacking}", err=True)
        return UNCHECKED
    write = writer(options["report_file"])
    found, text = sweep_operators(pattern, options)
    if write is not None:
        write(text)
    return 0 if found else DISAGREES


# ---- a script


def _check_script(
    ctx: click.Context, script: str, args: tuple[str, ...], options: dict[str, Any]
) -> int:
    program = shared.program_of(script, args, options)
    if program.kind == "file" and script.endswith(".json"):
        raise OptionError(f"{script} is a saved graph, which has no numbers: give its script")
    target = None
    if options["output"] is not None:
        target = settle(options["output"], options["format"], stem(program), options["no_clobber"])
    write = writer(options["report_file"])
    examination = Examination(
        options["device"],
        order=options["order"],
        against=("torch", "numeric") if options["against"] == "numeric" else ("torch",),
        allow=options["allow"],
    )
    with saying(f"running and checking {program.title} ...", options["quiet"]):
        outcome = run(program, examiner=examination, **_reading(options, target))
    if not options["quiet"]:
        shared.hint_at_misplaced(ctx, outcome, args)
    if examination.failure:
        click.echo(f"Error: {BROKEN}: {examination.failure}", err=True)
        return UNCHECKED
    if outcome.message:
        said = outcome.message.replace("no graph to draw", "no graph to check", 1)
        click.echo(f"Error: {said}", err=True)
    report = examination.report
    if outcome.graph is None or report is None:
        return outcome.exit_code if outcome.message else 1
    _tell(report, outcome, target, options)
    if write is not None:
        write(report.to_json())
    return _verdict(report, options) or (outcome.exit_code and 1)


def _reading(options: dict[str, Any], target: Target | None) -> dict[str, Any]:
    return shared.running(options, everything=target is not None and target.format in EVERYTHING)


def _tell(report: Report, outcome: Outcome, target: Target | None, options: dict[str, Any]) -> None:
    if not options["quiet"]:
        if target is None:
            click.echo(f"checked {describe(report.graph, outcome.caught)}", err=True)
        click.echo(str(report), err=options["report_file"] == "-")
    if target is not None:
        graph = report.graph
        first = [n.id for n in graph.nodes if n.data.get("verify", {}).get("first")]
        draw(graph, target, options, outcome.caught, keep=first)


def _verdict(report: Report, options: dict[str, Any]) -> int:
    """The exit code for a report."""
    if report.ok is False:
        return DISAGREES
    if report.ok is None or (options["strict"] and not report.complete):
        return UNCHECKED
    if options["require_cuda"] and not any(name.startswith("cuda") for name in report.devices):
        click.echo("Error: --require-cuda: the graph is not on CUDA", err=True)
        return UNCHECKED
    return 0
