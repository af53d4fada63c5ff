"""What is verified: a person's function or module, run on copies, under a Tape.

Whatever it changes is put back: random numbers, and tensors it reaches on its own and writes
into. A module is copied, so its buffers and its mode stay as they are.

May import the walker, names, recorder, graph and errors, and tape and compare of ours.
"""

from __future__ import annotations

import copy
import inspect
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from torch.utils._pytree import tree_map

from graphviz_autograd.errors import InputTypeError, OptionError
from graphviz_autograd.graph import Graph
from graphviz_autograd.names import named_outputs
from graphviz_autograd.recorder import Recording, record
from graphviz_autograd.verification.compare import Tolerance, difference
from graphviz_autograd.verification.tape import Tape
from graphviz_autograd.walker import walk

Wide = Callable[[dict[int, torch.Tensor]], list[torch.Tensor]]


class Subject(NamedTuple):
    """What is verified: a function or a module, and what to call it with."""

    function: Any
    inputs: Sequence[Any]
    kwargs: dict[str, Any]


class Ran(NamedTuple):
    """A forward that was run.

    outputs  the tensors that came out
    tape     what ran meanwhile
    graph    the walk from the outputs
    wide     runs it once more in double precision, with something added to the leaves with
             these ids, and gives the outputs; None where that is not possible
    """

    outputs: list[torch.Tensor]
    tape: Tape
    graph: Graph
    wide: Wide | None = None


class _Prepared(NamedTuple):
    """A function and copies of its inputs, ready to run.

    given   the copies
    leaves  those of them, and of a module's parameters, that require grad
    names   names for leaves
    """

    run: Callable[[], Any]
    given: list[torch.Tensor]
    leaves: list[torch.Tensor]
    names: dict[str, torch.Tensor]
    module: torch.nn.Module | None


@contextmanager
def run_subject(
    subject: Subject, device: str, dtype: torch.dtype | None, seed: int | None
) -> Iterator[Ran]:
    """Run a function or module on one device, twice; inside the context the graph is there.

    Raises InputTypeError for what cannot be run or differentiated, and OptionError for what
    comes out different the second time.
    """
    if isinstance(subject.function, torch.Tensor) or not callable(subject.function):
        raise InputTypeError(
            f"verify got {type(subject.function).__name__}: give a function of tensors, a module, "
            "or a function without arguments over tensors that are there already"
        )
    backup = Backup()
    with _random_numbers_kept():
        try:
            mine = _prepared(subject, device, dtype)
            result, rec, tape = _recorded(mine, backup, seed)
            outputs = [tensor for _, tensor in named_outputs(result)]
            _check_differentiable(outputs, mine.given)
            backup.restore()
            with _seeded(seed), torch.enable_grad():
                again = [tensor.detach() for _, tensor in named_outputs(mine.run())]
            _check_same(outputs, again, seed)
            if backup:  # what both have changed in place the graph must see changed once
                backup.restore()
                result, rec, tape = _recorded(mine, backup, seed)
                outputs = [tensor for _, tensor in named_outputs(result)]
            graph = walk(result, mine.names, attrs=False, saved=False, record=rec)
            given = subject.inputs or subject.kwargs
            wide = _wide(subject, device, seed, mine.leaves) if given else None
            yield Ran(outputs, tape, graph, wide)
        finally:
            backup.restore()


def _recorded(mine: _Prepared, backup: Backup, seed: int | None) -> tuple[Any, Recording, Tape]:
    """What comes out, and what was recorded on the way."""
    rec, tape = record(mine.module), Tape(backup.note)
    with _seeded(seed), torch.enable_grad(), rec, tape:
        result = mine.run()
    return result, rec, tape


def _prepared(subject: Subject, device: str, dtype: torch.dtype | None) -> _Prepared:
    copies: dict[int, torch.Tensor] = {}

    def own(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        if id(value) not in copies:
            moved = value.detach().clone().to(device, _dtype_for(value, dtype))
            copies[id(value)] = moved.requires_grad_(value.requires_grad)
        return copies[id(value)]

    args, kwargs = tree_map(own, (tuple(subject.inputs), subject.kwargs))
    function = subject.function
    leaves = [tensor for tensor in copies.values() if tensor.requires_grad]
    module: torch.nn.Module | None = None
    names: dict[str, torch.Tensor] = {}
    if isinstance(function, torch.nn.Module):
        function = module = _moved(copy.deepcopy(function), device, dtype)
        names.update(function.named_parameters(remove_duplicate=False))
        leaves += [tensor for tensor in function.parameters() if tensor.requires_grad]
    else:
        names = _reached(function)
    names.update(_input_names(Subject(function, args, kwargs)))
    run = partial(function, *args, **kwargs)
    return _Prepared(run, list(copies.values()), leaves, names, module)


def _dtype_for(tensor: torch.Tensor, dtype: torch.dtype | None) -> torch.dtype:
    """The dtype that was asked for, complex where the tensor is; others stay as they are."""
    if dtype is None or not (tensor.is_floating_point() or tensor.is_complex()):
        return tensor.dtype
    return dtype.to_complex() if tensor.is_complex() else dtype


def _wide(
    subject: Subject,
    device: str,
    seed: int | None,
    leaves: Sequence[torch.Tensor],
) -> Wide:
    """The same function in double precision, beside the point."""
    made: list[_Prepared] = []  # when it is first asked for
    places = {id(leaf): place for place, leaf in enumerate(leaves)}

    def run(shifts: dict[int, torch.Tensor]) -> list[torch.Tensor]:
        if not made:
            made.append(_prepared(subject, device, torch.float64))
        wide = made[0]
        before = [(wide.leaves[places[key]], shift) for key, shift in shifts.items()]
        kept = [leaf.detach().clone() for leaf, _ in before]
        with torch.no_grad(), _seeded(seed):
            for leaf, shift in before:
                leaf.add_(shift)
            try:
                return [tensor for _, tensor in named_outputs(wide.run())]
            finally:
                for (leaf, _), numbers in zip(before, kept, strict=True):
                    leaf.copy_(numbers)

    return run


def _moved(module: torch.nn.Module, device: str, dtype: torch.dtype | None) -> torch.nn.Module:
    return module.to(device=device) if dtype is None else module.to(device=device, dtype=dtype)


def _input_names(subject: Subject) -> dict[str, torch.Tensor]:
    """Leaves among the inputs, named as the function's own arguments are."""
    function = subject.function
    if isinstance(function, torch.nn.Module):
        function = function.forward
    try:
        arguments = inspect.signature(function).bind(*subject.inputs, **subject.kwargs).arguments
    except (TypeError, ValueError):
        arguments = {f"input{i}": value for i, value in enumerate(subject.inputs)}
        arguments |= subject.kwargs
    found: dict[str, torch.Tensor] = {}
    for name, value in arguments.items():
        try:
            parts = named_outputs(value)
        except InputTypeError:
            continue
        for path, tensor in parts:
            if tensor.requires_grad:
                separator = "" if not path or path.startswith("[") else "."
                found[f"{name}{separator}{path}"] = tensor
    return found


def _reached(function: Any) -> dict[str, torch.Tensor]:
    """Tensors and parameters that a function uses without being given them, by name."""
    try:
        reached = inspect.getclosurevars(function)
    except TypeError:
        return {}
    found: dict[str, torch.Tensor] = {}
    for name, value in {**reached.globals, **reached.nonlocals}.items():
        if isinstance(value, torch.Tensor):
            found[name] = value
        elif isinstance(value, torch.nn.Module):
            parameters = value.named_parameters(remove_duplicate=False)
            found.update({f"{name}.{path}": tensor for path, tensor in parameters})
    return found


def _check_differentiable(outputs: list[torch.Tensor], given: list[torch.Tensor]) -> None:
    if any(output.requires_grad for output in outputs):
        return
    if given and not any(t.is_floating_point() or t.is_complex() for t in given):
        kinds = ", ".join(sorted({str(t.dtype).removeprefix("torch.") for t in given}))
        raise InputTypeError(
            f"the inputs are {kinds}: only floating point and complex tensors have gradients"
        )
    if given and not any(t.requires_grad for t in given):
        raise InputTypeError(
            "the inputs need no gradient: call x.requires_grad_() on those to differentiate by"
        )
    raise InputTypeError(
        "what comes out requires no grad: nothing it is made from does, or a torch.no_grad(), "
        ".detach(), .item() or .numpy() stands in between"
    )


def _check_same(first: list[torch.Tensor], second: list[torch.Tensor], seed: int | None) -> None:
    same = len(first) == len(second) and not any(
        difference(a.detach(), b, Tolerance(), ("first", "then"))
        for a, b in zip(first, second, strict=True)
    )
    if not same:
        hint = "dropout? pass seed=" if seed is None else f"even with seed={seed}"
        raise OptionError(f"not deterministic: {hint}")


# ---- as before afterwards


class Backup:
    """Copies of what is about to be changed, one for each piece of memory."""

    def __init__(self) -> None:
        self._copies: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def __bool__(self) -> bool:
        """Whether anything was changed."""
        return bool(self._copies)

    def note(self, tensor: torch.Tensor) -> None:
        """Keep a tensor's numbers, and those it shares memory with."""
        try:
            storage = tensor.untyped_storage()
            if storage._cdata not in self._copies:
                everything = torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(storage)
                self._copies[storage._cdata] = (everything, everything.clone())
        except (RuntimeError, NotImplementedError):
            return  # no memory of its own: sparse

    def restore(self) -> None:
        """Put everything back."""
        with torch.no_grad():
            for memory, numbers in self._copies.values():
                memory.copy_(numbers)


@contextmanager
def _random_numbers_kept() -> Iterator[None]:
    numpy = sys.modules.get("numpy")
    python, arrays = random.getstate(), numpy and numpy.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python)
            if numpy is not None:
                numpy.random.set_state(arrays)


@contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    if seed is not None:
        torch.manual_seed(seed)
    yield
