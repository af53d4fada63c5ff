"""What verify found, as the section of an entry's page: leaves by each side, then operations.

This room may use the public names, the script room and emit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphviz_autograd.gallery.highlight import escaped

ROWS = 24
"""A table's rows; the rest is counted."""
WORST_FIRST = ("failed", "not checked", "matched")


def section(report: dict[str, Any], scalar: bool) -> str:
    """The section for a report as verify.json has it, the worst first.

    scalar  whether all roots are single numbers, so that backward began with 1
    """
    counts = ", ".join(f"{count} {status}" for status, count in report["counts"].items() if count)
    leaves = sorted(report["leaves"], key=lambda check: (_rank(check), not _told(check)))
    others = sorted([*report["outputs"], *report["nodes"]], key=_rank)
    return f"""\
<section>
<h2>Is the gradient right?</h2>
<p>{counts or "Nothing could be checked"}: the engine beside torch, as <code>gva verify</code> \
does it. <a href="verify.json">verify.json</a></p>
{"".join(f"<p>Note: {escaped(note)}.</p>" for note in report["notes"])}
{_leaves(leaves, scalar)}
<h3>Each operation by itself</h3>
<p>Torch's gradient of one operation beside the engine's, from random numbers, and the outputs as \
the engine computes them.</p>
{table(("what", "verdict", "largest difference"), [_other(check) for check in others], "checks")}
</section>"""


def _rank(check: dict[str, Any]) -> int:
    return WORST_FIRST.index(check["status"])


def _told(check: dict[str, Any]) -> bool:
    """Whether finite differences have a number for a leaf."""
    return check.get("sides", {}).get("numeric") is not None


def _leaves(checks: Sequence[dict[str, Any]], scalar: bool) -> str:
    if not checks:
        return ""
    sides = [check.get("sides", {}) for check in checks]
    said = "By the engine, by torch, and by finite differences in double precision."
    if any(side.get("along") for side in sides):
        said += " Of a large leaf: the slope along one random direction, the same for all three."
    if not scalar:
        said += (
            " Backward begins with random numbers here, for a root is no single number: these are "
            "not the script's gradients."
        )
    asked = sum(map(_told, checks))
    if asked < len(checks):
        said += f" Finite differences have an answer for {asked} of {len(checks)} leaves."
    heads = ("leaf", "verdict", "engine", "torch", "numeric")
    return f"""\
<h3>The leaves</h3>
<p>{said}</p>
{table(heads, [_leaf(check) for check in checks], "leaves")}"""


def _leaf(check: dict[str, Any]) -> list[str]:
    sides = check.get("sides")
    name = f"<code>{escaped(check['name']).replace('.', '.<wbr>')}</code>"
    verdict = _verdict(check)
    if check["status"] == "not checked" or check.get("found_by") == "numeric":
        verdict += f" <small>{escaped(check.get('reason', ''))}</small>"
    if sides is None:
        return [name, verdict, "", "", ""]
    shape = " × ".join(map(str, sides["shape"]))
    if sides["along"]:
        name += f" <small>{shape}</small>"
    engine, torch = numbers(sides["engine"]), numbers(sides["torch"])
    numeric = f"<small>{escaped(sides['why'])}</small>" if sides["why"] else ""
    return [name, verdict, engine, torch, numeric or numbers(sides["numeric"])]


def _other(check: dict[str, Any]) -> list[str]:
    line = f" <small>{escaped(check['line'])}</small>" if check.get("line") else ""
    kind, name = escaped(check["kind"]), escaped(check["name"])
    what = kind + (f" <code>{name}</code>{line}" if name != kind else "")
    reason, apart = check.get("reason", ""), check["absolute"]
    if check["status"] == "not checked" or isinstance(apart, str):
        found = str(reason or apart)
    else:
        size = f"{apart:.2g}" if apart else "none"
        found = ": ".join(text for text in (size, reason) if text)
    found = "; ".join(text for text in (found, check.get("numeric", "")) if text)
    return [what, _verdict(check), escaped(found)]


def _verdict(check: dict[str, Any]) -> str:
    status = check["status"]
    return f'<span class="{status.replace(" ", "-")}">{status}</span>'


def numbers(value: Any) -> str:
    """Numbers, however deep in lists, as a person reads them.

    >>> numbers([[0.0, 4.0], [0.1, 1 / 3]]), numbers(None), numbers("nan")
    ('[[0, 4], [0.1, 0.333333]]', 'none', 'nan')
    """
    if isinstance(value, list):
        return f"[{', '.join(map(numbers, value))}]"
    if value is None:
        return "none"
    return value if isinstance(value, str) else f"{value + 0.0:.6g}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], things: str) -> str:
    """A table; `rows` are HTML already."""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "\n".join(
        f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows[:ROWS]
    )
    more = len(rows) - ROWS
    rest = f"\n<p>… and {more} more {things}.</p>" if more > 0 else ""
    return f"""\
<div class="wide" tabindex="0"><table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table></div>{rest}"""
