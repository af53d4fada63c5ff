"""Graphs of any depth: forward, backward and freeing never recurse."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable

from graphviz_autograd import engine

DEEP = 20_000  # recursion would need tens of times the stack given here


def on_a_small_stack(work: Callable[[], None]) -> None:
    """Run on a thread with 512 KB of stack; what it raises is raised here."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    if failed:
        raise failed[0]


def chain(x: engine.Tensor, length: int) -> engine.Tensor:
    for _ in range(length):
        x = -x
    return x


def test_a_deep_chain_runs_forward_and_backward_and_is_freed() -> None:
    assert sys.getrecursionlimit() <= 10_000

    def work() -> None:
        x = engine.tensor(3.0, requires_grad=True)
        y = chain(x, DEEP)
        first = weakref.ref(x.edge()[0])
        y.backward()
        assert x.grad.item() == 1.0
        (grad,) = engine.autograd.grad(y, x)
        assert grad.item() == 1.0
        del y
        assert first() is None

    on_a_small_stack(work)


def test_a_deep_graph_of_gradients_is_differentiated_and_freed() -> None:
    def work() -> None:
        x = engine.tensor(1.0, requires_grad=True)
        y = x
        for _ in range(2_000):
            y = y * x
        (first,) = engine.autograd.grad(y, x, create_graph=True)
        (second,) = engine.autograd.grad(first, x)
        assert (first.item(), second.item()) == (2_001.0, 2_001.0 * 2_000)

    on_a_small_stack(work)


def test_a_ladder_of_shared_nodes_is_walked_once() -> None:
    x = engine.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(200):  # 2**200 paths
        y = (y + y) * 0.5
    y.backward()
    assert x.grad.item() == 1.0


def test_a_graph_never_freed_by_backward_is_freed_without_it() -> None:
    def work() -> None:
        x = engine.tensor(1.0, requires_grad=True)
        y = chain(x * x, DEEP)
        node = weakref.ref(y.grad_fn)
        del y
        assert node() is None

    on_a_small_stack(work)


def test_gradients_reach_leaves_of_the_main_thread_from_another() -> None:
    x = engine.ones(2, requires_grad=True)
    y = (x * 2).sum()
    on_a_small_stack(y.backward)
    assert x.grad.tolist() == [2.0, 2.0]


def test_modes_belong_to_their_thread() -> None:
    seen: list[bool] = []
    with engine.no_grad():
        on_a_small_stack(lambda: seen.append(engine.is_grad_enabled()))
    assert seen == [True]
