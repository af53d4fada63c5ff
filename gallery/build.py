"""Make the site: run each script in a process of its own, draw its graph, write the pages.

An entry's folder holds graph.svg and graph-dark.svg, graph.json, verify.json where the graph could
be checked, and entry.json: what the script printed and its gradients, and the key of the script
they are of. Beside the folders stands viewer.html, which every entry's page shows its graph in. An
entry that fails is reported with what it printed on stderr, and the others are finished.

This room may use the public names, the script room and emit.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphviz_autograd import Graph, GraphvizAutogradError, __version__
from graphviz_autograd.emit import html
from graphviz_autograd.gallery import pages
from graphviz_autograd.gallery.entries import Entry, code

SECONDS = 120.0
"""How long one entry may take; each of ours runs for a second or two."""
PICTURES = {"graph.svg": "light", "graph-dark.svg": "dark"}
"""The pictures of an entry, each with its theme."""
MADE = ("graph.json", "verify.json", *PICTURES)
"""What an entry's folder holds, besides its page and entry.json."""


class EntryFailedError(Exception):
    """An entry could not be drawn; the message is what it printed on stderr."""


@dataclass(frozen=True)
class Built:
    """What came of building: the names of the entries that were drawn anew, of those that had
    not changed, and why others failed.
    """

    drawn: list[str]
    kept: list[str]
    failures: dict[str, str]


def build(
    entries: Sequence[Entry],
    folder: Path,
    *,
    names: Iterable[str] = (),
    force: bool = False,
    seconds: float = SECONDS,
    tell: Callable[[int, int], None] | None = None,
) -> Built:
    """Make the site of these entries in `folder`.

    names    the entries to draw; all where there are none. The site has the others where they
             are drawn already
    force    draw also what has not changed
    seconds  how long one script may take
    tell     is called with how many are done, and of how many
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = set(names) or {entry.name for entry in entries}
    asked = [entry for entry in entries if entry.name in wanted]
    stale = [entry for entry in asked if force or not _kept(entry, folder)]
    failures: dict[str, str] = {}
    try:
        _draw_all(stale, folder, seconds, tell, failures)
    finally:  # of what is drawn also where a person stops it
        _write_pages(entries, folder, sorted(failures))
    return Built(
        drawn=[entry.name for entry in stale if entry.name not in failures],
        kept=[entry.name for entry in asked if entry not in stale],
        failures=failures,
    )


def _draw_all(
    entries: Sequence[Entry],
    folder: Path,
    seconds: float,
    tell: Callable[[int, int], None] | None,
    failures: dict[str, str],
) -> None:
    """Draw the entries, several at a time; why some failed goes into `failures`."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = {pool.submit(draw, entry, folder, seconds): entry.name for entry in entries}
        try:
            for done, job in enumerate(as_completed(jobs), start=1):
                error = job.exception()
                if isinstance(error, (EntryFailedError, GraphvizAutogradError)):
                    failures[jobs[job]] = str(error)
                    with suppress(OSError):  # what was drawn earlier stays
                        (folder / jobs[job]).rmdir()
                elif error is not None:
                    raise error
                if tell is not None:
                    tell(done, len(jobs))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


# ---- one entry


def draw(entry: Entry, folder: Path, seconds: float = SECONDS) -> None:
    """Run one script, check its gradients, and fill its folder in the site.

    Raises EntryFailedError with the script's own traceback, or where its header names a node
    that is wrong and verify found it right.
    """
    home = folder / entry.name
    home.mkdir(exist_ok=True)
    (home / "entry.json").unlink(missing_ok=True)  # until all of it is there
    with tempfile.TemporaryDirectory(dir=home, prefix=".") as made:
        fresh = Path(made)
        key, printed = _key(entry), _run(entry, "checked", fresh, seconds)
        if not (fresh / "graph.json").exists():
            printed = _run(entry, "plain", fresh, seconds)
        report = _read(fresh / "verify.json")
        if entry.fails:
            first = report and report["first_failure"]
            if not first or first["name"] != entry.fails:
                found = first["name"] if first else "nothing"
                raise EntryFailedError(
                    f"verify was to find {entry.fails} wrong, and found {found} to be"
                )
        graph = _graph(fresh)
        for name, theme in PICTURES.items():
            picture(entry, graph, fresh / name, theme)
        known = {"key": key, "printed": printed, "leaves": _read(fresh / "leaves.json")}
        for name in MADE:
            (home / name).unlink(missing_ok=True)
            if (fresh / name).exists():
                os.replace(fresh / name, home / name)
        _write(home / "entry.json", json.dumps(known, ensure_ascii=False, indent=1))


def _run(entry: Entry, how: str, folder: Path, seconds: float) -> str:
    """Run a script in a process of its own, which writes what it built; returns what it printed.

    how  "checked", or "plain"; see `cli.showing`
    """
    child = [sys.executable, "-P", "-m", "graphviz_autograd.cli.showing", how]
    done = subprocess.run(
        [*child, str(folder), str(seconds), str(entry.path), *entry.roots],
        env={"OMP_NUM_THREADS": "1", **os.environ, "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        said = done.stderr.strip() or "it printed nothing on stderr"
        raise EntryFailedError(f"{said}\n(exit code {done.returncode})")
    return done.stdout


def readable(entry: Entry, graph: Graph) -> Graph:
    """An entry's graph, folded and collapsed as its header says."""
    depth = "auto" if entry.depth is None else entry.depth
    wrong = [node.id for node in graph.nodes if node.data.get("verify", {}).get("first")]
    return graph.readable(entry.boxes, depth=depth, fold_plumbing=entry.plumbing, keep=wrong)


def picture(entry: Entry, graph: Graph, path: Path, theme: str = "light") -> None:
    """Save the picture of an entry's graph, drawn as its header says."""
    show = {f"show_{what}": True for what in entry.show}
    readable(entry, graph).save(path, style=entry.style, theme=theme, **show)


# ---- what is there already


def _key(entry: Entry) -> str:
    """Tells whether a script, or this package, has changed."""
    return hashlib.sha256(entry.path.read_bytes() + __version__.encode()).hexdigest()


def _kept(entry: Entry, folder: Path) -> dict[str, Any] | None:
    """The entry.json of an entry that is drawn already and has not changed since."""
    home = folder / entry.name
    known = _read(home / "entry.json")
    whole = all((home / name).exists() for name in ("graph.json", *PICTURES))
    if not isinstance(known, dict) or not whole or known.get("key") != _key(entry):
        return None
    return known


def _graph(home: Path) -> Graph:
    return Graph.from_json((home / "graph.json").read_text(encoding="utf-8"))


def _read(path: Path) -> Any:
    """What a JSON file holds; None where it is not there or holds none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


# ---- pages


def _write_pages(entries: Sequence[Entry], folder: Path, failed: Sequence[str]) -> None:
    """Write the pages of all entries that are drawn, the viewer, and the index."""
    drawn = [_drawn(entry, folder) for entry in entries]
    there = [each for each in drawn if each is not None]
    for number, each in enumerate(there):
        before = there[number - 1].entry if number else None
        after = there[number + 1].entry if number + 1 < len(there) else None
        page = pages.entry_page(each, before, after)
        _write(folder / each.entry.name / "index.html", page)
    _write(folder / "viewer.html", html.waiting())
    _write(folder / "index.html", pages.index(there, failed))


def _drawn(entry: Entry, folder: Path) -> pages.Drawn | None:
    """What is known of an entry that is drawn."""
    known = _kept(entry, folder)
    if known is None:
        return None
    report = _read(folder / entry.name / "verify.json")
    graph = readable(entry, _graph(folder / entry.name))
    return pages.Drawn(entry, *code(entry), known["printed"], graph, known["leaves"], report)


def _write(path: Path, text: str) -> None:
    """Write a file so that it is never seen half written."""
    fresh = path.with_name(f".{path.name}.tmp")
    fresh.write_text(text, encoding="utf-8", newline="\n")
    os.replace(fresh, path)
