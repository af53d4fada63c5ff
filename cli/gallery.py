"""`gva gallery`: make a site of the gallery's entries, or of a person's own scripts.

This room may use the public names, the script room, the gallery and click.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from graphviz_autograd.cli.progress import counting
from graphviz_autograd.errors import OptionError
from graphviz_autograd.gallery.build import SECONDS, build
from graphviz_autograd.gallery.entries import Entry, chosen, find, find_own

EPILOG = """\b
Examples:
  gva gallery                           all entries, in build/gallery
  gva gallery d2l_dot gpt2              draw two of them
  gva gallery my_scripts/ -o site       the same site of your own scripts and notebooks
  gva gallery my_scripts/ train         ... drawing one of them
"""


@click.command(epilog=EPILOG)
@click.argument("names", nargs=-1, metavar="[FOLDER] [NAME]...")
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/gallery"),
    show_default=True,
    metavar="DIR",
    help="Where the site goes; made if it is not there.",
)
@click.option("--force", is_flag=True, help="Draw also the entries that have not changed.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long one script may take.",
)
@click.option("--list", "listing", is_flag=True, help="List the entries and draw nothing.")
def gallery(
    names: tuple[str, ...], folder: Path, force: bool, timeout: float, listing: bool
) -> None:
    """Make a site of the gallery: all entries, or those of the given NAMEs.

    A FOLDER of scripts and notebooks makes the same site of those. The site is for any static
    host, or to be opened from its index.html: a page for each entry with its code, its graph,
    what it prints, and whether its gradients are right. Entries that have not changed are not
    run again. One that fails is reported with its traceback, the others are finished, and the
    exit code is 1.
    """
    entries, names = _entries(names)
    wanted = chosen(names, [entry.name for entry in entries])
    if listing:
        width = max(len(name) for name in wanted)
        for entry in entries:
            if entry.name in wanted:
                click.echo(f"{entry.name:<{width}}  {entry.title}")
        return
    try:
        with counting("entries") as tell:
            built = build(entries, folder, names=wanted, force=force, seconds=timeout, tell=tell)
    except OSError as error:
        raise OptionError(f"cannot write to {folder}: {error.strerror}") from None
    for name, why in built.failures.items():
        click.echo(f"\n{name} FAILED:\n{why}", err=True)
    done = len(built.drawn) + len(built.kept)
    unchanged = f" ({len(built.kept)} unchanged)" if built.kept else ""
    click.echo(f"{done} of {len(wanted)} entries drawn in {folder}{unchanged}")
    click.echo(f"open {folder / 'index.html'}")
    if built.failures:
        sys.exit(1)


def _entries(names: tuple[str, ...]) -> tuple[list[Entry], tuple[str, ...]]:
    """The gallery's entries, or those in the folder that the first name is; the other names."""
    if names and Path(names[0]).is_dir() and names[0] not in {entry.name for entry in find()}:
        return find_own(Path(names[0])), names[1:]
    return find(), names
