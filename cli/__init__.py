"""The `gva` command: one thin click command a file.

A command is imported when it is called, so `gva --help` is quick and needs no torch.

This room may use the public names, the script room, the gallery, verification, and of emit how
a file is written whole.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from importlib import import_module
from typing import Any

import click

from graphviz_autograd import GraphvizAutogradError, __version__

# name: (where the command is, what `gva --help` says of it)
COMMANDS = {
    "render": ("graphviz_autograd.cli.render:render", "Draw the graph that a script builds."),
    "verify": ("graphviz_autograd.cli.verify:verify", "Check the gradients of a script."),
    "gallery": ("graphviz_autograd.cli.gallery:gallery", "Make a site of the gallery."),
}


class Commands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, said) for name, (_, said) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args[0] not in COMMANDS and args[0].endswith((".py", ".ipynb", ".json")):
            ctx.fail(f"No such command {args[0]!r}. Did you mean: gva render {args[0]}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Every error of ours is one line and its own exit code."""
        try:
            return super().invoke(ctx)
        except GraphvizAutogradError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("Error: interrupted", err=True)
            ctx.exit(130)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gva")
def gva() -> None:
    """See, understand and check the graph that PyTorch's autograd built.

    \b
      gva render train.py            the graph of its first backward() call
      gva verify train.py            whether its gradients are right, and if not, where not
      gva render --help              everything that can be asked for
    """


def main() -> None:
    """The `gva` command, to its exit code."""
    try:
        gva()
    except SystemExit as error:
        leave(error)


def leave(error: SystemExit) -> None:
    """End the process, also where a stopped script left threads that would never end."""
    mine = threading.current_thread()
    if any(thread is not mine and not thread.daemon for thread in threading.enumerate()):
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(error.code if isinstance(error.code, int) else 0)
    raise error
