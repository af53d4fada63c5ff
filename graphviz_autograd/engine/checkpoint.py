"""checkpoint: compute again in backward what was not kept in forward.

Memory for time. Forward runs and is recorded as ever, but what its nodes would keep is
thrown away; the first node that asks for its numbers makes the function run once more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch

from graphviz_autograd.engine import modes
from graphviz_autograd.engine.node import NOWHERE, Node, Saved
from graphviz_autograd.engine.tensors import Tensor, at_edge

CHANGED = (
    "the function given to checkpoint saved {} tensors for backward, and {} when it ran again: "
    "it must do the same each time"
)


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,  # noqa: ARG001
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)`, whose intermediate results are not kept for backward.

    With `preserve_rng_state` random numbers are the same when the function runs again.
    `use_reentrant` is torch's; here both ways are one. Raises RuntimeError in backward if the
    function saves other tensors the second time.
    """
    run = _Run(function, args, kwargs, preserve_rng_state)
    with modes.saved_tensors_hooks(run.count, run.give_back):
        return function(*args, **kwargs)


class _Run:
    """One call of a checkpointed function, and what it saved, once it ran again."""

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        preserve_rng_state: bool,
    ) -> None:
        self.function = function
        self.args = [_kept(value) for value in args]
        self.kwargs = {name: _kept(value) for name, value in kwargs.items()}
        self.rng = torch.get_rng_state() if preserve_rng_state else None
        self.saved = 0
        self.again: dict[int, torch.Tensor] = {}

    def count(self, _: torch.Tensor) -> int:
        """Keeps of a tensor only which one it was."""
        self.saved += 1
        return self.saved - 1

    def give_back(self, number: int) -> torch.Tensor:
        """The tensor of that number, which is let go of when it was asked for."""
        if number not in self.again:
            self._run_again()
        return self.again.pop(number)

    def _run_again(self) -> None:
        found: list[torch.Tensor] = []
        owner = Node((), ())
        args = [_restored(value, owner) for value in self.args]
        kwargs = {name: _restored(value, owner) for name, value in self.kwargs.items()}
        pack = modes.saved_tensors_hooks(_keep_in(found), _never)
        with _random_numbers_from(self.rng), modes.enable_grad(), pack:
            self.function(*args, **kwargs)
        if len(found) != self.saved:
            raise RuntimeError(CHANGED.format(self.saved, len(found)))
        self.again = dict(enumerate(found))


def _keep_in(found: list[torch.Tensor]) -> Callable[[torch.Tensor], None]:
    return lambda tensor: found.append(tensor.detach())


def _never(_: Any) -> Any:
    raise RuntimeError("a checkpointed function ran backward inside itself")


def _kept(value: Any) -> Any:
    return Saved(value._data, value.edge(), value) if isinstance(value, Tensor) else value


def _restored(value: Any, owner: Node) -> Any:
    if not isinstance(value, Saved):
        return value
    plain = value.plain(owner)
    return Tensor(plain) if value.edge is NOWHERE else at_edge(plain, value.edge)


@contextlib.contextmanager
def _random_numbers_from(state: torch.Tensor | None) -> Iterator[None]:
    if state is None:
        yield
        return
    before = torch.get_rng_state()
    torch.set_rng_state(state)
    try:
        yield
    finally:
        torch.set_rng_state(before)
