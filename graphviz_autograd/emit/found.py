"""What `verify` found of each node, as the picture tells it.

A failed box is red and says by how much, the first of them in a thick frame; a matched one is
green; one that was not checked is striped and says why. So nothing hangs on colour alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from textwrap import wrap
from typing import Any

from graphviz_autograd.emit.words import quoted, shown
from graphviz_autograd.graph import Graph, Node
from graphviz_autograd.visible import representatives

STATUSES = MATCHED, FAILED, UNCHECKED = "matched", "failed", "not checked"

REASON, LINES = 40, 2
"""Characters of a line, and lines, of a reason that a box shows; the tooltip has all."""


def finding(node: Node) -> Mapping[str, Any] | None:
    """What was found of a node, as `Report.paint` puts it there."""
    found = node.data.get("verify")
    return found if isinstance(found, dict) and found.get("status") in STATUSES else None


def findings(graph: Graph) -> dict[int, Mapping[str, Any]]:
    """What was found of each node, and of each closed group: the worst of what it holds."""
    known = {n.id: found for n in graph.nodes if n.data and (found := finding(n)) is not None}
    if not known or not graph.closed:
        return known
    held: dict[int, list[Mapping[str, Any]]] = {}
    for number, box in representatives(graph.nodes, graph.closed).items():
        if number in known and number != box:
            held.setdefault(box, []).append(known[number])
    return known | {box: _of_group(found) for box, found in held.items()}


def _of_group(held: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """One finding for several: failed where one did, not checked where nothing was."""
    by_status = {status: [f for f in held if f["status"] == status] for status in STATUSES}
    failed, unchecked = by_status[FAILED], by_status[UNCHECKED]
    if failed:
        first = next((found for found in failed if found.get("first")), failed[0])
        inside = f"{len(failed)} of {len(held)} inside failed"
        return {**first, "reason": inside} if not first.get("absolute") else first
    if len(unchecked) == len(held):
        return unchecked[0]
    some = {"reason": f"{len(unchecked)} of {len(held)} inside not checked"} if unchecked else {}
    return {"status": MATCHED, **some}


def attributes(found: Mapping[str, Any], fills: Mapping[str, str]) -> str:
    """How its box looks."""
    fill = fills[found["status"]]
    if found["status"] == UNCHECKED:
        return f' style=striped margin="0.3,0.055" fillcolor={quoted(_stripes(*fill.split(":")))}'
    return f" fillcolor={quoted(fill)}{' penwidth=4' if found.get('first') else ''}"


def _stripes(paper: str, ink: str) -> str:
    """Stripes at both sides of a box, beside the text."""
    side = [f"{ink};0.02", f"{paper};0.02", f"{ink};0.02"]
    return ":".join([*side, f"{paper};0.88", *side])


def lines(found: Mapping[str, Any]) -> list[str]:
    """What its box says below the rest."""
    if found["status"] == FAILED:
        which = "FIRST FAILURE" if found.get("first") else "FAILED"
        off = _off(found)
        return [f"{which}: {off}"] if off else [f"{which}:", *_reason(found)]
    if found["status"] == UNCHECKED:
        reason = _reason(found)
        return ["not checked:", *reason] if reason else ["not checked"]
    return []


def told(found: Mapping[str, Any]) -> list[str]:
    """What its tooltip says of it."""
    by = f" by the {found['found_by']} check" if found.get("found_by") else ""
    text = [f"{found['status']}{by}"]
    if found["status"] == FAILED:
        text[0] += f": {off}" if (off := _off(found)) else ""
    return [*text, *(str(found[key]) for key in ("reason", "numeric") if found.get(key))]


def legend(nodes: Iterable[Node]) -> str:
    """How many nodes and leaves matched, failed and were not checked; else nothing.

    What gathers a leaf's gradient has no finding: the leaf has it.
    """
    nodes = list(nodes)
    checked = [found for node in nodes if node.data and (found := finding(node)) is not None]
    counts = Counter(found["status"] for found in checked if found.get("kind") != "output")
    if not checked:
        return ""
    looks = {MATCHED: " (green)", FAILED: "", UNCHECKED: " (striped)" * bool(counts[UNCHECKED])}
    said = [f"{counts[status]} {status}{look}" for status, look in looks.items()]
    if any(node.op == "AccumulateGrad" and finding(node) is None for node in nodes):
        said.append("AccumulateGrad (grey): as its leaf")
    return ", ".join(said)


def _off(found: Mapping[str, Any]) -> str:
    """How far apart the numbers were; nothing where something else is the matter."""
    size, relative = found.get("absolute", 0.0), found.get("relative", 0.0)
    if not size or not isinstance(size, int | float):
        return ""
    of = f" ({_short(relative)} relative)" if isinstance(relative, int | float) else ""
    return f"off by {_short(size)}{of}"


def _reason(found: Mapping[str, Any]) -> list[str]:
    """What the matter is, in a few short lines: NaN, no gradient at all, no rule."""
    lines = wrap(shown(str(found.get("reason", ""))), REASON, break_on_hyphens=False)
    return lines if len(lines) <= LINES else [*lines[: LINES - 1], f"{lines[LINES - 1]} ..."]


def _short(number: float) -> str:
    return f"{number:.2g}"
