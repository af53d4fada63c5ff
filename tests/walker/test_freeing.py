"""Walking never makes the person's program crash when the graph is freed."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from graphviz_autograd import freeing, walk

CHILD = Path(__file__).with_name("freeing_child.py")


@pytest.mark.parametrize("shape", ["chain", "diamonds", "ladder", "leaps", "gru"])
def test_a_walked_deep_graph_is_freed_on_a_small_stack(shape):
    child = subprocess.run(
        [sys.executable, str(CHILD), shape, "15000"], capture_output=True, text=True
    )
    stories = CHILD.read_text().split("STORIES = [")[1].split("]")[0].count('"') // 2
    survived = child.stdout.count("survived:")
    assert survived == stories, f"died ({child.returncode}) after:\n{child.stdout}{child.stderr}"


def test_a_million_nodes_are_walked_and_freed_on_a_small_stack():
    child = subprocess.run(
        [sys.executable, str(CHILD), "chain", "1000000", "top first"],
        capture_output=True,
        text=True,
    )
    assert child.stdout.endswith("survived: top first\n"), f"{child.returncode}\n{child.stderr}"


def deep(depth):
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(depth):
        y = y + 1
    return y


def test_only_one_private_key_is_left_in_the_metadata_of_few_nodes():
    y = deep(3000)
    walk(y)
    fn, marked = y.grad_fn, 0
    while fn is not None:
        assert set(fn.metadata) <= {freeing.KEY}
        marked += bool(fn.metadata)
        fn = fn.next_functions[0][0] if fn.next_functions else None
    assert 0 < marked <= 3000 // freeing.BAND + 1


def test_a_shallow_graph_is_not_touched():
    y = deep(500)
    walk(y)
    fn = y.grad_fn
    while fn is not None:
        assert not fn.metadata
        fn = fn.next_functions[0][0] if fn.next_functions else None
