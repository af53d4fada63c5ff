"""`python -m bench`: ask the questions, print the tables, and write them down."""

from __future__ import annotations

import datetime
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from bench import page, surroundings
from bench.guard import MOST, worsened
from bench.measuring import Plan, Row

QUESTIONS = (
    "text",
    "layout",
    "memory",
    "record",
    "engine",
    "verify",
    "coverage",
    "viewer",
    "reach",
)
HOME = Path(__file__).parent
RECORDED = HOME / "results.json"
PAGE = HOME.parent / "docs" / "bench.md"


@click.command()
@click.argument("questions", nargs=-1, type=click.Choice(QUESTIONS))
@click.option("--quick", is_flag=True, help="Smaller sizes; peers are stopped sooner.")
@click.option("--rounds", type=click.IntRange(5), default=None, help="How often everybody runs.")
@click.option("--no-peers", is_flag=True, help="Only ours and the floors.")
@click.option("-o", "folder", type=click.Path(file_okay=False, path_type=Path),
              help="Write results.json and bench.md into this folder.")  # fmt: skip
@click.option("--record", is_flag=True, help="Write bench/results.json and docs/bench.md.")
@click.option("--guard", is_flag=True, help="Hold ratios to floors against the recorded ones.")
def main(
    questions: tuple[str, ...],
    quick: bool,
    rounds: int | None,
    no_peers: bool,
    folder: Path | None,
    record: bool,
    guard: bool,
) -> None:
    """Measure; all QUESTIONS where none is named."""
    if record and (questions or quick or no_peers):
        raise click.UsageError("--record is for a whole run: all questions, full sizes, peers")
    if guard:
        sys.exit(guarded(questions))
    plan = Plan(quick=quick, limit=7.0, rounds=5) if quick else Plan()
    plan = Plan(rounds or plan.rounds, plan.limit, quick, not no_peers)
    results = measured(questions or QUESTIONS, plan)
    text = page.tables(results)
    print(text)
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "results.json", _json(results))
        _write(folder / "bench.md", f"{text}\n")
    if record:
        _write(RECORDED, _json(results))
        _write(PAGE, page.put(PAGE.read_text(encoding="utf-8"), text))


def measured(questions: Iterable[str], plan: Plan) -> dict[str, Any]:
    """What a run found, as plain data."""
    began = time.monotonic()
    answers = {name: ask(name, plan) for name in questions}
    return {
        "date": datetime.date.today().isoformat(),
        "plan": asdict(plan),
        "seconds": round(time.monotonic() - began),
        "machine": surroundings.machine(),
        "versions": surroundings.versions(),
        "questions": {name: [row.to_dict() for row in rows] for name, rows in answers.items()},
    }


def ask(question: str, plan: Plan) -> list[Row]:
    """The rows of one question, measured in a process of its own, on one thread."""
    click.echo(f"{question} ...", err=True)
    began = time.monotonic()
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as file:
        child = [sys.executable, "-m", "bench.one", question, json.dumps(asdict(plan)), file.name]
        done = subprocess.run(child, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)
        rows = [Row.from_dict(json.loads(line)) for line in file]
    if done.returncode:
        raise click.ClickException(f"{question} ended with exit code {done.returncode}")
    click.echo(f"{question}: {len(rows)} rows, {time.monotonic() - began:.0f} s", err=True)
    return rows


def guarded(questions: Iterable[str]) -> int:
    """Measure what has a floor, without peers, and compare; returns the exit code."""
    floors = {name: importlib.import_module(f"bench.{name}").FLOOR for name in QUESTIONS}
    asked = {
        name: floor for name, floor in floors.items() if floor and name in (questions or floors)
    }
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))["questions"]
    before = {name: [Row.from_dict(row) for row in rows] for name, rows in recorded.items()}
    now = {name: ask(name, Plan(rounds=5, peers=False)) for name in asked}
    lines, count = worsened(before, now, asked)
    for line in lines:
        click.echo(line)
    if not count:
        click.echo("nothing could be compared: run `make bench` first")
        return 1
    click.echo(f"{count} ratios compared, {len(lines)} more than {MOST:g} times the recorded one")
    return 1 if lines else 0


def _json(results: dict[str, Any]) -> str:
    return json.dumps(results, indent=1, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.tmp")
    fresh.write_text(text, encoding="utf-8", newline="\n")
    os.replace(fresh, path)


if __name__ == "__main__":
    main()
