"""checkpoint: compute again in backward what was not kept in forward.

Memory for time. Forward runs and is recorded as ever, but what its nodes would keep is
thrown away; the first node that asks for its numbers makes the function run once more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

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

    With `preserve_rng_state` random numbers are the same when the function runs again, those of
    the CPU and of the devices that its arguments are on.
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
        tensors = [kept for kept in tree_leaves((args, kwargs)) if isinstance(kept, Tensor)]
        used = _generators(tensors) if preserve_rng_state else []
        self.random = [(generator, generator.get_state()) for generator in used]
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
        with _random_numbers_from(self.random), modes.enable_grad(), pack:
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


def _generators(tensors: list[Tensor]) -> list[torch.Generator]:
    """What draws random numbers: the CPU's generator, and those of the tensors' devices."""
    found = [torch.default_generator]
    devices = {tensor.device: None for tensor in tensors}
    for device in devices:
        if device.type in ("cpu", "meta"):
            continue
        of_its_kind = getattr(torch.get_device_module(device), "default_generators", ())
        found += of_its_kind[device.index : device.index + 1]
    return found


@contextlib.contextmanager
def _random_numbers_from(states: list[tuple[torch.Generator, torch.Tensor]]) -> Iterator[None]:
    before = [(generator, generator.get_state()) for generator, _ in states]
    for generator, state in states:
        generator.set_state(state)
    try:
        yield
    finally:
        for generator, state in before:
            generator.set_state(state)
