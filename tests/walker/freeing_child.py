"""Run by test_freeing.py in a child process: builds a deep graph, walks it, drops it.

Everything happens on a thread with a 512 KB stack; a child that overflows it dies by a
signal. Prints "survived: STORY" after each, and "all survived" at the end.

    python freeing_child.py SHAPE DEPTH [STORY ...] [--no-cure]
"""

from __future__ import annotations

import gc
import sys
import threading

import torch

from graphviz_autograd import walk, walker

LEAF = torch.ones(2, requires_grad=True)
STRANGERS: list[torch.Tensor] = []


def chain(depth: int, start: torch.Tensor = LEAF) -> list[torch.Tensor]:
    kept = [start]
    y = start
    for i in range(depth):
        y = y + 1
        if i == depth // 2:
            kept.append(y)
    return [*kept, y]


def diamonds(depth: int) -> list[torch.Tensor]:
    y, kept = LEAF, [LEAF]
    for i in range(depth // 2):
        y = y.sin() + y.cos()
        if i == depth // 4:
            kept.append(y)
    return [*kept, y]


def ladder(depth: int, width: int = 6) -> list[torch.Tensor]:
    """Every rung depends on two of the rung before: bands with many ways in."""
    rung = [LEAF * i for i in range(1, width + 1)]
    kept = [LEAF]
    for i in range(depth):
        rung = [rung[j] + rung[(j + i) % width] for j in range(width)]
        if i == depth // 2:
            kept.append(rung[0])
    return [*kept, torch.stack(rung).sum()]


def leaps(depth: int) -> list[torch.Tensor]:
    """A chain with connections that leap over several bands."""
    y, kept, past = LEAF, [LEAF], [LEAF]
    for i in range(depth):
        y = y * 0.5 + past[max(0, len(past) - 3)] if i % 700 == 699 else y + 1
        if i % 400 == 0:
            past.append(y)
        if i == depth // 2:
            kept.append(y)
    return [*kept, y]


def strangers(depth: int) -> list[torch.Tensor]:
    """A deep graph that is not walked, of which every tensor was given a name."""
    STRANGERS.clear()
    y = LEAF
    for _ in range(depth):
        y = y + 1
        STRANGERS.append(y)
    return [LEAF, LEAF * 2, (LEAF * 2).exp()]


def gru(depth: int) -> list[torch.Tensor]:
    cell = torch.nn.GRUCell(2, 2)
    h, kept = torch.zeros(1, 2), [LEAF]
    for i in range(depth // 8):
        h = cell(torch.ones(1, 2), h)
        if i == depth // 16:
            kept.append(h)
    return [*kept, h.sum()]


def main(shape: str, story: str, depth: int) -> None:
    leaf, middle, top = globals()[shape](depth)
    options = {"shapes": False, "attrs": False, "saved": False}
    graph = walk(top, [(f"h{i}", tensor) for i, tensor in enumerate(STRANGERS)], **options)
    assert len(graph.nodes) > depth // 4 or STRANGERS
    STRANGERS[:-1] = []
    STRANGERS.clear()
    if story == "top first":
        del top
        del middle
    elif story == "middle first":
        del middle
        del top
    elif story == "middle stays":
        del top
        print("top dropped", middle.sum().item())
        del middle
    elif story == "after backward":
        top.sum().backward()
        del top, middle
    elif story == "extended later":
        top = chain(depth // 2, top)[-1]
        del middle, top
    elif story == "extended and walked again":
        top = chain(depth // 2, top)[-1]
        walk(top, **options)
        del middle, top
    elif story == "walked twice":
        walk(top, **options)
        walk((middle, top), **options)
        del top, middle
    elif story == "middle walked only":
        walk(middle, **options)
        del top, middle
    else:
        raise ValueError(story)
    gc.collect()
    assert leaf is LEAF


STORIES = [
    "top first",
    "middle first",
    "middle stays",
    "after backward",
    "extended later",
    "extended and walked again",
    "walked twice",
    "middle walked only",
]

if __name__ == "__main__":
    name, depth = sys.argv[1], int(sys.argv[2])
    if "--no-cure" in sys.argv:
        walker.protect = lambda *_: None
    threading.stack_size(512 * 1024)
    chosen = [story for story in STORIES if story in sys.argv] or STORIES
    for story in chosen:
        thread = threading.Thread(target=main, args=(name, story, depth))
        thread.start()
        thread.join()
        print("survived:", story, flush=True)
    print("all survived")
