"""What `verify` found of each node, as the picture tells it.

A failed box is red and says by how much, the first of them in a thick frame; a matched one is
green; one that was not checked is striped and says why. So nothing hangs on colour alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from graphviz_autograd.emit.words import quoted, shown
from graphviz_autograd.graph import Node

STATUSES = MATCHED, FAILED, UNCHECKED = "matched", "failed", "not checked"

REASON = 40
"""Characters of a reason that a box shows; the tooltip has all."""


def finding(node: Node) -> Mapping[str, Any] | None:
    """What was found of a node, as `Report.paint` puts it there."""
    found = node.data.get("verify")
    return found if isinstance(found, dict) and found.get("status") in STATUSES else None


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
        return [f"{which}: {_apart(found)}"]
    if found["status"] == UNCHECKED:
        reason = _reason(found)
        return ["not checked:", reason] if reason else ["not checked"]
    return []


def told(found: Mapping[str, Any]) -> list[str]:
    """What its tooltip says of it."""
    by = f" by the {found['found_by']} check" if found.get("found_by") else ""
    text = [f"{found['status']}{by}"]
    if found["status"] == FAILED:
        text[0] += f": {_apart(found)}"
    return [*text, *(str(found[key]) for key in ("reason", "numeric") if found.get(key))]


def legend(nodes: Iterable[Node]) -> str:
    """How many nodes and leaves matched, failed and were not checked; else nothing."""
    checked = [found for found in map(finding, nodes) if found is not None]
    counts = Counter(found["status"] for found in checked if found.get("kind") != "output")
    if not checked:
        return ""
    looks = {MATCHED: " (green)", FAILED: "", UNCHECKED: " (striped)" * bool(counts[UNCHECKED])}
    return ", ".join(f"{counts[status]} {status}{look}" for status, look in looks.items())


def _apart(found: Mapping[str, Any]) -> str:
    """How far apart the numbers were, or what else is the matter."""
    size = found.get("absolute", 0.0)
    if size:
        relative = found.get("relative", 0.0)
        return f"off by {_short(size)} ({_short(relative)} relative)"
    return _reason(found)


def _reason(found: Mapping[str, Any]) -> str:
    reason = shown(str(found.get("reason", "")))
    return reason if len(reason) <= REASON else f"{reason[: REASON - 3]}..."


def _short(number: Any) -> str:
    return f"{number:.2g}" if isinstance(number, int | float) else str(number)
