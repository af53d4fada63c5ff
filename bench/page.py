"""The tables, as Markdown."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from bench.measuring import OURS, Row, Spread, growth

BEGIN, END = "<!-- what `make bench` found -->", "<!-- end -->"

LESS = 0.95
"""What is told as less: not what differs by a breath."""

SIZES_NEEDED = 4
"""Growth is told where a family has so many sizes."""

Questions = Mapping[str, Sequence[Row]]


def tables(results: Mapping[str, Any]) -> str:
    """All of a run: the machine, a summary, and a section a question."""
    questions = {
        name: [Row.from_dict(row) for row in rows] for name, rows in results["questions"].items()
    }
    plan, machine = results["plan"], results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    parts = [
        f"{results['date']}; {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory']}, {machine['system']}, Python {machine['python']}; {versions}. "
        f"{plan['rounds']} rounds or more; the whole run took {results['seconds'] / 60:.0f} "
        "minutes.",
        "### Where a peer took less than ours",
        "\n".join(bullet for name, rows in questions.items() for bullet in less(name, rows)),
        *(section(name, rows) for name, rows in questions.items()),
    ]
    return "\n\n".join(part for part in parts if part)


def less(name: str, rows: Sequence[Row]) -> list[str]:
    """A line for each peer that took less than ours in some of a question's cases: with the ratio
    that the table has, or else that of the values.
    """
    module = _module(name)
    ours = {row.case: row.value for row in rows if row.who == OURS}
    found: dict[str, list[str]] = {}
    for row in rows:
        known = row.who in module.TO or row.who.startswith((OURS, "not taken"))
        beside = ours.get(row.case)
        if not module.TO or known or not row.value or not beside:
            continue
        told = [ratio.median for to, ratio in row.ratios.items() if to.startswith(OURS)]
        share = told[0] if told else row.value / beside
        if share < LESS:
            found.setdefault(row.who, []).append(f"{row.case} ({short(share)})")
    return [f"- {name}: {who}, {', '.join(cases)}" for who, cases in found.items()]


def _module(name: str) -> Any:
    return importlib.import_module(f"bench.{name}")


def section(name: str, rows: Sequence[Row]) -> str:
    """What one question asks, and its rows."""
    module = _module(name)
    asks, _, how = (module.__doc__ or "").partition("\n\n")
    parts = [f"### {asks}", " ".join(how.split()), table(rows, module)]
    parts += [" ".join(lines) for lines in (growths(rows),) if lines]
    parts += [f"Aim: {aim}" for aim in module.AIMS]
    return "\n\n".join(parts)


def table(rows: Sequence[Row], module: Any) -> str:
    """A line a row; ratios as median (least to largest). Where no row has a size, no column."""
    references = [to for to in module.TO if any(to in row.ratios for row in rows)]
    sizes = [module.SIZES] if any(row.size is not None for row in rows) else []
    head = ["case", *sizes, "who", module.MEASURES, *(f"÷ {to}" for to in references)]
    rule = ["---", *("---:" for _ in sizes), "---", "---:", *("---:" for _ in references)]
    lines = [head, rule]
    last: list[str] = []
    for row in rows:
        case = [row.case, *(f"{row.size:,}" if row.size is not None else "" for _ in sizes)]
        ratios = [ratio(row.ratios.get(to)) for to in references]
        shown = case if case != last else ["" for _ in case]
        lines.append([*shown, row.who, answer(row, module.UNIT), *ratios])
        last = case
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def answer(row: Row, unit: str) -> str:
    """The value, what was said, or both."""
    value = "" if row.value is None else shown(row.value, unit)
    said = row.said.replace("|", "\\|").replace("<", "\\<")
    return f"{value}, {said}" if value and said else value or said


def ratio(found: Spread | None) -> str:
    """
    >>> ratio(Spread(3.04, 2.9, 12.0))
    '**3.0** (2.9 to 12)'
    """
    if found is None:
        return ""
    return f"**{short(found.median)}** ({short(found.least)} to {short(found.largest)})"


def short(number: float) -> str:
    """A number with two figures or more.

    >>> [short(number) for number in (0.0123, 0.512, 1.0456, 2.34, 23.4, 1234.5)]
    ['0.012', '0.51', '1.05', '2.3', '23', '1,234']
    """
    if number >= 10:
        return f"{number:,.0f}"
    return f"{number:.{1 if number >= 2 else 2}f}" if number >= 0.1 else f"{number:.2g}"


def shown(value: float, unit: str) -> str:
    """A value with its unit; seconds and bytes in the multiple that reads best.

    >>> shown(0.00123, "s"), shown(72.31, "s"), shown(650e6, "B"), shown(536, "entries")
    ('1.23 ms', '72 s', '650 MB', '536 entries')
    """
    scales = {
        "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")),
        "B": ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")),
    }
    for scale, name in scales.get(unit, ()):
        if value >= scale:
            return f"{short(value / scale)} {name}"
    return f"{value:,.0f} {unit}"


def growths(rows: Sequence[Row]) -> list[str]:
    """How the cost grows with size, for each family of four sizes and each way."""
    lines = []
    for family in dict.fromkeys(row.family for row in rows if row.family):
        found = []
        for who in dict.fromkeys(row.who for row in rows if row.family == family):
            points = [
                (row.size, row.value)
                for row in rows
                if row.family == family and row.who == who and row.size and row.value
            ]
            if len(points) >= SIZES_NEEDED:
                sizes, values = zip(*points, strict=True)
                found.append(f"{who} {growth(sizes, values):.2f}")
        if found:
            lines.append(f"Growth of {family} with size, as a power: {', '.join(found)}.")
    return lines


def put(text: str, found: str) -> str:
    """A page with what was found last between its two marks.

    >>> put(f"a {BEGIN} old {END} b", "new") == f"a {BEGIN}\\n\\nnew\\n\\n{END} b"
    True
    """
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{found}\n\n{END}{after}"
