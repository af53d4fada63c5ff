"""`gva gallery`: draw the gallery's entries.

This room may use the public names, the script room, the gallery and click.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from graphviz_autograd.errors import OptionError
from graphviz_autograd.gallery.build import build
from graphviz_autograd.gallery.entries import find


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/gallery"),
    show_default=True,
    metavar="DIR",
    help="Where the pictures go; made if it is not there.",
)
@click.option("--list", "listing", is_flag=True, help="List the entries and draw nothing.")
def gallery(names: tuple[str, ...], folder: Path, listing: bool) -> None:
    """Draw the gallery: all entries, or those of the given NAMEs.

    Each entry becomes NAME.svg and NAME.png, and its graph NAME.json. An entry that fails
    is reported with its traceback, the others are drawn, and the exit code is 1.
    """
    entries = find(names)
    if listing:
        width = max(len(entry.name) for entry in entries)
        for entry in entries:
            click.echo(f"{entry.name:<{width}}  {entry.title}")
        return
    try:
        failures = build(entries, folder, click.echo)
    except OSError as error:
        raise OptionError(f"cannot write to {folder}: {error.strerror}") from None
    for name, why in failures.items():
        click.echo(f"\n{name}:\n{why}", err=True)
    click.echo(f"{len(entries) - len(failures)} of {len(entries)} entries drawn in {folder}")
    if failures:
        sys.exit(1)
