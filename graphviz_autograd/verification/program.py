"""A recorded program: the ATen calls that gradients flow through, and what they were given.

Plain data. A Call holds Values, a Value holds the Call that made it, or, where none did, the
tensor; so a program lives as long as something that came out of it. Several Values may look
at one Memory: a Call that writes into it comes before whatever looks at it later.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

import torch
from torch._ops import OpOverload

from graphviz_autograd.verification.overwritten import Writes


class Memory:
    """What Values that share their numbers have in common.

    last_write  the last recorded Call that changed it
    given       the Values in it that no Call made, weakly
    """

    __slots__ = ("__weakref__", "given", "last_write")

    def __init__(self) -> None:
        self.last_write: Call | None = None
        self.given: list[weakref.ref[Value]] = []


class Value:
    """A tensor of the program.

    call, index  what made it, and which of its results it is; None, 0 where it was given
    data         the numbers of a given one, as they were when the program first met them
    tensor       of a given one that requires grad, the tensor itself, as the graph knows it
    written      whether a recorded Call changes a given one
    key          the id of a given one's tensor
    behind       of one that a Function made out of sight, the Calls that were seen before
    """

    __slots__ = (
        "__weakref__",
        "behind",
        "call",
        "data",
        "index",
        "key",
        "memory",
        "tensor",
        "written",
    )

    def __init__(self, call: Call | None, index: int, memory: Memory) -> None:
        self.call, self.index, self.memory = call, index, memory
        self.data: torch.Tensor | None = None
        self.tensor: torch.Tensor | None = None
        self.written = False
        self.key = 0
        self.behind: tuple[Call, ...] = ()

    @property
    def is_leaf(self) -> bool:
        """Whether gradients end here."""
        return self.tensor is not None and self.tensor.is_leaf

    def numbers(self) -> torch.Tensor:
        """The numbers of a given Value."""
        assert self.data is not None
        return self.data


class Use(NamedTuple):
    """One tensor among a Call's arguments.

    requires_grad, output_nr  as the tensor said when the Call was made
    """

    value: Value
    requires_grad: bool
    output_nr: int


class Place:
    """One of a Call's results; the Call keeps it alive, and not the other way round."""

    __slots__ = ("__weakref__", "call", "index")

    def __init__(self, call: Call, index: int) -> None:
        self.call, self.index = weakref.ref(call), index


class Call:
    """One run of an ATen operator.

    args, kwargs  as given, with Values in place of tensors
    uses          the tensors among them, in order
    number        its place in the order of all calls
    sequence      the newest node's sequence number when it ran; it is the node that was being
                  built, or, where that took other nodes too, one soon after
    previous      the newest node's number before that, when autograd last recorded
    recorded      whether autograd itself recorded; inside a custom Function it does not
    silent        changes numbers only, where gradients were switched off
    after         the Calls that wrote into what this one uses
    base          of a Call that writes into a view, the tensor that it is a view of
    count         how many results it has
    places        those of its results that lie in memory of their own
    kept          results that cannot be computed again, because they are random
    random        the state of torch's random numbers before it, where it draws some
    thread        the thread it ran in
    """

    __slots__ = (
        "__weakref__",
        "after",
        "args",
        "base",
        "count",
        "kept",
        "kwargs",
        "number",
        "op",
        "places",
        "previous",
        "random",
        "recorded",
        "sequence",
        "silent",
        "thread",
        "uses",
    )

    def __init__(self, op: OpOverload, sequence: int, recorded: bool) -> None:
        self.op, self.sequence, self.recorded = op, sequence, recorded
        self.number = self.previous = -1
        self.args: tuple[Any, ...] = ()
        self.kwargs: dict[str, Any] = {}
        self.uses: tuple[Use, ...] = ()
        self.silent = False
        self.after: tuple[Call, ...] = ()
        self.base: Use | None = None
        self.count = 1
        self.places: list[Place] = []
        self.kept: tuple[Any, ...] = ()
        self.random: Any = None
        self.thread = 0

    def __repr__(self) -> str:
        return f"<call {self.number}: {self.op}, node {self.sequence}>"


class Output(NamedTuple):
    """A tensor that the program gives: the Value, and the last Call that changed it."""

    value: Value
    output_nr: int
    after: Call | None


class Program(NamedTuple):
    """The Calls that the outputs come from, in the order they ran in, and what was changed."""

    outputs: tuple[Output, ...]
    calls: tuple[Call, ...]
    writes: Writes

    def given(self) -> Iterator[Value]:
        """The Values that no Call made, each once, as they are first used."""
        seen: set[int] = set()
        uses = [use for call in self.calls for use in _all_uses(call)]
        for value in [*(use.value for use in uses), *(out.value for out in self.outputs)]:
            if value.call is None and id(value) not in seen:
                seen.add(id(value))
                yield value


def _all_uses(call: Call) -> Iterator[Use]:
    yield from call.uses
    if call.base is not None:
        yield call.base


def program_of(outputs: Iterable[Output], writes: Writes) -> Program:
    """The part of what was recorded that these outputs come from."""
    outputs = tuple(outputs)
    found: dict[int, Call] = {}
    waiting: list[Call] = []
    for output in outputs:
        waiting += [call for call in (output.value.call, output.after) if call is not None]
        waiting += output.value.behind
    while waiting:
        call = waiting.pop()
        if call.number in found:
            continue
        found[call.number] = call
        waiting += call.after
        for use in _all_uses(call):
            waiting += use.value.behind if use.value.call is None else (use.value.call,)
    return Program(outputs, tuple(found[number] for number in sorted(found)), writes)


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """An argument with `change` made of it, or of each part of a list."""
    if isinstance(value, list | tuple):
        return [mapped(part, change) for part in value]
    return change(value)


class Traits(NamedTuple):
    """What an operator's schema says of it.

    writes      the places of the positional arguments, and the names, that it changes
    view        whether its results share the memory of the first argument
    random      whether it draws random numbers, or might
    dropout     the place of the argument that says how likely it draws any, or -1
    statistics  the places of running statistics, which it changes when it is training
    training    the place of the argument that says whether it is, or -1
    """

    writes: tuple[int | str, ...]
    view: bool
    random: bool
    dropout: int
    statistics: tuple[int, ...]
    training: int


@cache
def traits(op: OpOverload) -> Traits:
    """What is to be known of an operator."""
    arguments = op._schema.arguments
    names = [argument.name for argument in arguments]
    changed = [(i, a) for i, a in enumerate(arguments) if a.alias_info and a.alias_info.is_write]
    shared = any(a.alias_info and not a.alias_info.is_write for a in arguments)
    statistics = [i for i, name in enumerate(names) if name in ("running_mean", "running_var")]
    return Traits(
        tuple(a.name if a.kwarg_only else i for i, a in changed),
        shared,
        torch.Tag.nondeterministic_seeded in op.tags,
        _place(names, "dropout_p"),
        tuple(statistics) if "training" in names and not changed else (),
        _place(names, "training"),
    )


def _place(names: list[str], name: str) -> int:
    return names.index(name) if name in names else -1


# ---- among the arguments of an operator


def tensors_in(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    """The tensors, those in lists too."""
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from tensors_in(value)


def any_requires_grad(values: Iterable[Any]) -> bool:
    """Whether one of the tensors does."""
    for value in values:
        if isinstance(value, torch.Tensor):
            if value.requires_grad:
                return True
        elif isinstance(value, list | tuple) and any_requires_grad(value):
            return True
    return False


def targets_of(known: Traits, args: Any, kwargs: Any) -> list[torch.Tensor]:
    """The tensors that an operator changes."""
    if not known.writes:
        return []
    given = [
        kwargs.get(key) if isinstance(key, str) else (args[key] if key < len(args) else None)
        for key in known.writes
    ]
    return list(tensors_in(given))
