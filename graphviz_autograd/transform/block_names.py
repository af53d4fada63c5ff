"""What equal blocks are called: layers.0, layers.1, layers.2 are "layers.{0..2}"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from graphviz_autograd.graph import Attr
from graphviz_autograd.transform.sequences import Item, Sequences

MOST_NAMES = 12
"""Names of what differs that are listed; then it says how many more there are."""

_NUMBERS = re.compile(r"([0-9]+)")


def pattern(names: Sequence[str]) -> str | None:
    """Names that differ in numbers alone, and evenly, as one; None where they do not.

    >>> pattern(["h.0.attn.weight", "h.1.attn.weight", "h.2.attn.weight"])
    'h.{0..2}.attn.weight'
    >>> pattern(["net.1", "net.3", "net.5"]), pattern(["cell", "cell"]), pattern(["q", "k"])
    ('net.{1,3..5}', 'cell', None)
    """
    rows = [_NUMBERS.split(name) for name in names]
    if len({(len(row), *row[::2]) for row in rows}) != 1:
        return None
    written: list[str] = []
    for column in zip(*rows, strict=True):
        first, last = column[0], column[-1]
        if len(set(column)) == 1:
            written.append(first)
            continue
        numbers = [int(text) for text in column]
        step = numbers[1] - numbers[0]
        if any(after - number != step for number, after in pairwise(numbers)):
            return None
        written.append(f"{{{first}..{last}}}" if step == 1 else f"{{{first},{column[1]}..{last}}}")
    return "".join(written)


def listed(names: Sequence[str]) -> str:
    """The names as one, by their pattern or else the first and the last."""
    return pattern(names) or f"{names[0]} … {names[-1]}"


def paths(found: Sequences, blocks: Sequence[list[Item]]) -> list[list[str]]:
    """The paths of the modules in each block: for each module, one path a block."""
    return [
        [found.nodes[item.node].modules[-1].path for item in items if item.node is not None]
        for items in zip(*blocks, strict=True)
        if is_module(found, items[0])
    ]


def is_module(found: Sequences, item: Item) -> bool:
    """Whether it is what a module call made."""
    return item.node is not None and found.nodes[item.node].op == "module"


def attributes(found: Sequences, blocks: Sequence[list[Item]]) -> dict[str, Attr]:
    """What is said of equal blocks.

    count   how many there are
    of      the class of the module or the name of the op that each is; "step" where they are
            several ops or several modules
    blocks  the paths of the modules they are; not given where none is
    """
    said: dict[str, Attr] = {"count": len(blocks), "of": _of(found, blocks[0])}
    called = [listed(names) for names in paths(found, blocks) if all(names)]
    if called:
        said["blocks"] = _short(list(dict.fromkeys(called)))
    return said


def _of(found: Sequences, block: list[Item]) -> str:
    classes = [
        found.nodes[item.node].modules[-1].class_name
        for item in block
        if item.node is not None and is_module(found, item)
    ]
    if len(classes) == 1:
        return classes[0]
    if len(block) == 1 and block[0].node is not None:
        return found.nodes[block[0].node].op
    return "step"


def differences(found: Sequences, blocks: Sequence[list[Item]]) -> dict[str, Attr]:
    """In what equal blocks differ: as "differs" the names of the leaves that not all share, at
    most MOST_NAMES.
    """
    starts = [block[0].start for block in blocks]
    size = blocks[0][-1].start + blocks[0][-1].size - starts[0]
    differing: dict[str, None] = {}
    for at in range(size):
        taken = [found.leaves.get(start + at, ()) for start in starts]
        for which in range(min(map(len, taken))):
            leaves = [of_block[which][1] for of_block in taken]
            if len(set(leaves)) > 1:
                names = [found.nodes[leaf].names[:1] for leaf in leaves]
                if all(names):
                    differing[listed([name for [name] in names])] = None
    return {"differs": _short(list(differing))} if differing else {}


def _short(names: list[str]) -> tuple[str, ...]:
    if len(names) <= MOST_NAMES:
        return tuple(names)
    return (*names[:MOST_NAMES], f"… {len(names) - MOST_NAMES} more")
