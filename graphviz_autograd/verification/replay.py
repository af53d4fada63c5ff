"""Running recorded Calls again: on the engine or on torch, in any dtype, on any device.

In the order they ran in, in place where they were, with the random numbers they drew.

May import the engine, and program and in_parts of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch

from graphviz_autograd import engine
from graphviz_autograd.engine.doors import apply
from graphviz_autograd.errors import UnsupportedOperator
from graphviz_autograd.verification.compare import WIDE
from graphviz_autograd.verification.in_parts import in_parts
from graphviz_autograd.verification.program import Call, Value, mapped

aten = torch.ops.aten


class Side(NamedTuple):
    """Who computes and differentiates.

    leaf   a tensor to differentiate with respect to, from plain numbers
    hold   a tensor that needs no gradient, and may be changed in place
    run    an operator
    grad   as torch.autograd.grad
    plain  the numbers of a tensor
    """

    leaf: Callable[[torch.Tensor], Any]
    hold: Callable[[torch.Tensor], Any]
    run: Callable[..., Any]
    grad: Callable[..., Sequence[Any]]
    plain: Callable[[Any], torch.Tensor]
    enable: Callable[[bool], Any]


def _plain(tensor: Any) -> torch.Tensor:
    data: torch.Tensor = tensor.data if isinstance(tensor, engine.Tensor) else tensor.detach()
    return data


ENGINE = Side(
    lambda data: engine.Tensor(data.detach(), True),
    lambda data: engine.Tensor(data.detach()),
    apply,
    engine.autograd.grad,
    _plain,
    engine.set_grad_enabled,
)
TORCH = Side(
    lambda data: data.detach().requires_grad_(),
    lambda data: data.detach(),
    lambda op, *args, **kwargs: op(*args, **kwargs),
    torch.autograd.grad,
    _plain,
    torch.set_grad_enabled,
)


class Numbers(NamedTuple):
    """In which dtypes and where a replay computes; as recorded, if nothing is said.

    wide    whether in double precision
    device  another device
    """

    wide: bool = False
    device: torch.device | None = None

    def of(self, tensor: torch.Tensor) -> torch.Tensor:
        """A recorded tensor as this replay has it."""
        dtype = WIDE.get(tensor.dtype, tensor.dtype) if self.wide else tensor.dtype
        return tensor.to(device=self.device or tensor.device, dtype=dtype)

    def argument(self, value: Any) -> Any:
        """An argument that is no tensor: a dtype or a device may have to be another."""
        if self.wide and isinstance(value, torch.dtype):
            return WIDE.get(value, value)
        if self.device is not None and isinstance(value, torch.device):
            return self.device
        return value


AS_RECORDED = Numbers()


class Opaque(Exception):  # noqa: N818 - not an error
    """A Call that cannot be run again here; its text says why."""


def run(
    side: Side, call: Call, find: Callable[[Value, int], Any], numbers: Numbers = AS_RECORDED
) -> tuple[Any, ...]:
    """The results of a Call.

    find  the tensor in place of a Value, being the how-manieth tensor among the arguments

    Raises Opaque where it cannot be run, or would draw other random numbers.
    """
    place = -1

    def put(value: Any) -> Any:
        nonlocal place
        if isinstance(value, Value):
            place += 1
            return find(value, place)
        return value if numbers is AS_RECORDED else numbers.argument(value)

    args = [mapped(arg, put) for arg in call.args]
    kwargs = {name: mapped(arg, put) for name, arg in call.kwargs.items()}
    try:
        if call.kept:
            return _dropout(side, call, args, numbers)
        parts = in_parts(call.op) if side is ENGINE else None
        if parts is not None:
            return parts(*args, **kwargs)
        if call.random is not None:
            with _same_random_numbers(call, numbers):
                result = side.run(call.op, *args, **kwargs)
        else:
            result = side.run(call.op, *args, **kwargs)
    except UnsupportedOperator:
        raise Opaque(f"no rule for {call.op}") from None
    except (RuntimeError, NotImplementedError, TypeError, ValueError, IndexError) as error:
        who = "the engine" if side is ENGINE else "torch"
        said = " ".join(str(error).split())
        raise Opaque(f"{who} cannot run {call.op} again: {said[:160]}") from None
    return tuple(result) if isinstance(result, list | tuple) else (result,)


def _dropout(side: Side, call: Call, args: list[Any], numbers: Numbers) -> tuple[Any, ...]:
    """With the mask that was drawn."""
    mask = numbers.of(call.kept[1])
    p, train = args[1], args[2]
    if train is False:
        return (side.run(aten.clone.default, args[0]), mask)
    kept = side.run(aten.mul.Tensor, args[0], mask)
    return (side.run(aten.mul.Tensor, kept, 0.0 if p == 1 else 1.0 / (1.0 - p)), mask)


@contextmanager
def _same_random_numbers(call: Call, numbers: Numbers) -> Iterator[None]:
    if numbers != AS_RECORDED:
        raise Opaque(f"{call.op} draws other random numbers in another dtype or on another device")
    device = next((u.value.data.device for u in call.uses if u.value.data is not None), None)
    cuda = device is not None and device.type == "cuda"
    with torch.random.fork_rng([device] if cuda else []):
        if cuda:
            torch.cuda.set_rng_state(call.random, device or "cuda")
        else:
            torch.set_rng_state(call.random)
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """No autocast, no mode of anyone's, around a replay."""
    with ExitStack() as stack:
        for device in ("cpu", "cuda"):
            stack.enter_context(torch.autocast(device, enabled=False))
        stack.enter_context(torch.utils._python_dispatch._disable_current_modes())
        while torch._C._len_torch_function_stack():  # a default device is one
            mode = torch._C._pop_torch_function_stack()
            stack.callback(torch._C._push_on_torch_function_stack, mode)
        yield


class Replay:
    """What a replay has computed so far.

    results  for each Call, by number, its results; numbers alone where it could not be run
    cuts     the Calls that gradients cannot pass in this replay, and why
    """

    def __init__(
        self, side: Side, given: Callable[[Value], Any], numbers: Numbers = AS_RECORDED
    ) -> None:
        self.side, self.numbers = side, numbers
        self.results: dict[int, tuple[Any, ...]] = {}
        self.cuts: dict[int, str] = {}
        self._make = given
        self._given: dict[int, Any] = {}

    def find(self, value: Value, _place: int = 0) -> Any:
        """The tensor that stands for a Value at this moment."""
        if value.call is not None:
            return self.results[value.call.number][value.index]
        if id(value) not in self._given:
            self._given[id(value)] = self._make(value)
        return self._given[id(value)]

    def run(self, call: Call) -> None:
        """The next Call."""
        try:
            if call.silent:
                with self.side.enable(False):
                    results = run(self.side, call, self.find, self.numbers)
            else:
                results = run(self.side, call, self.find, self.numbers)
        except Opaque as reason:
            self.cuts[call.number] = str(reason)
            results = run(TORCH, call, self._numbers_of, self.numbers)
            results = tuple(
                self.side.hold(part) if isinstance(part, torch.Tensor) else part for part in results
            )
        self.results[call.number] = results

    def _numbers_of(self, value: Value, _place: int = 0) -> torch.Tensor:
        return self.side.plain(self.find(value))
