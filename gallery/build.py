"""Draw gallery entries, each through `gva render` or `gva verify` in a process of its own.

A script runs once and its graph is saved as JSON; the pictures are drawn from that. An
entry that fails is reported with what it printed on stderr, and the others are finished.

This room may use the public names and the script room.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from graphviz_autograd import Graph, GraphvizAutogradError
from graphviz_autograd.gallery.entries import Entry

FORMATS = ("svg", "png")
SECONDS = 120
"""How long one entry may take; each runs for a second or two."""
DISAGREES = 3
"""How `gva verify` ends where a gradient is wrong."""


class EntryFailedError(Exception):
    """An entry could not be drawn; the message is what it printed on stderr."""


def build(entries: Sequence[Entry], folder: Path, report: Callable[[str], None]) -> dict[str, str]:
    """Draw the entries into `folder` as NAME.json, NAME.svg and NAME.png.

    `report` is called with a line for each entry as it is done. Returns, by name, why
    entries failed: empty where all went well.
    """
    folder.mkdir(parents=True, exist_ok=True)
    failures: dict[str, str] = {}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = {pool.submit(draw, entry, folder): entry.name for entry in entries}
        try:
            for done, job in enumerate(as_completed(jobs), start=1):
                name, error = jobs[job], job.exception()
                if error is None:
                    report(f"[{done}/{len(jobs)}] {name}")
                elif isinstance(error, (EntryFailedError, GraphvizAutogradError)):
                    failures[name] = str(error)
                    report(f"[{done}/{len(jobs)}] {name} FAILED")
                else:
                    raise error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return failures


def draw(entry: Entry, folder: Path) -> None:
    """Draw one entry; one whose gradient is wrong on purpose as `gva verify` paints it.

    Raises EntryFailedError with the script's own traceback, or where nothing wrong was found.
    """
    saved = folder / f"{entry.name}.json"
    command = [
        sys.executable,
        "-P",
        "-m",
        "graphviz_autograd",
        "verify" if entry.fails else "render",
    ]
    command += ["-q", "--timeout", str(SECONDS), "-o", str(saved)]
    for root in entry.roots:
        command += ["--root", root]
    done = subprocess.run(
        [*command, str(entry.path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != (DISAGREES if entry.fails else 0):
        said = done.stderr.strip() or "it printed nothing on stderr"
        raise EntryFailedError(f"{said}\n(exit code {done.returncode})")
    picture(entry, Graph.from_json(saved.read_text(encoding="utf-8")), folder)


def picture(entry: Entry, graph: Graph, folder: Path) -> None:
    """Save the pictures of an entry's graph, drawn as its header says."""
    depth = "auto" if entry.depth is None else entry.depth
    drawn = graph.readable(entry.boxes, depth=depth, fold_plumbing=entry.plumbing)
    show = {f"show_{what}": True for what in entry.show}
    for suffix in FORMATS:
        drawn.save(folder / f"{entry.name}.{suffix}", style=entry.style, **show)
