"""Walking never makes the person's program crash when the graph is freed."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from graphviz_autograd import freeing, walk

CHILD = Path(__file__).with_name("freeing_child.py")
SHAPES = ["chain", "diamonds", "ladder", "leaps", "gru", "strangers"]


def play(*args):
    return subprocess.run([sys.executable, str(CHILD), *args], capture_output=True, text=True)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_walked_deep_graph_is_freed_on_a_small_stack(shape):
    child = play(shape, "15000")
    assert child.stdout.endswith("all survived\n"), (
        f"died ({child.returncode}) after:\n{child.stdout}{child.stderr}"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals tell how the child died")
def test_without_the_cure_the_same_program_dies():
    assert play("chain", "40000", "top first", "--no-cure").returncode < 0


def test_a_million_nodes_are_walked_and_freed_on_a_small_stack():
    child = play("chain", "1000000", "top first")
    assert child.stdout.endswith("all survived\n"), f"{child.returncode}\n{child.stderr}"


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
