"""Recording a forward pass: which ATen operators ran under which autograd node, on what.

A Tape is a dispatch mode: torch shows it every operator that runs, below autograd. Those
that a gradient can flow through become Calls; every other result is a constant, wherever it
is used. Nothing is computed, no autograd node is touched (a deep graph would not survive
that), and no intermediate tensor is kept alive: a Call is held by the tensors that came out
of it, so the earlier iterations of a training loop vanish with their tensors.

May import program and overwritten of ours.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from graphviz_autograd.verification.overwritten import NO_STORAGE, Writes, storage_of
from graphviz_autograd.verification.program import (
    Call,
    Memory,
    Output,
    Place,
    Program,
    Traits,
    Use,
    Value,
    any_requires_grad,
    mapped,
    program_of,
    targets_of,
    tensors_in,
    traits,
)

aten = torch.ops.aten

_next_sequence: Callable[[], int] = torch._C._autograd._get_sequence_nr
_graph_task: Callable[[], int] = torch._C._current_graph_task_id


_Known = weakref.KeyedRef[tuple[int, Value], torch.Tensor]
"""A tensor that a Call made, by its id, and the Value it is; forgotten with the tensor."""


_Lie = tuple[int, torch.Size, tuple[int, ...]]
"""How a tensor lies in memory: where, in what shape and strides."""


class Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own lack types
    """Records what runs inside `with Tape() as tape:`.

    before_write  called with a tensor that is about to be changed and that no Call made

    >>> x = torch.arange(3.0, requires_grad=True)
    >>> with Tape() as tape:
    ...     y = (x * 2).sin().sum()
    >>> [str(call.op) for call in tape.program([y]).calls]
    ['aten.mul.Tensor', 'aten.sin.default', 'aten.sum.default']
    """

    def __init__(self, before_write: Callable[[torch.Tensor], None] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.opaque: set[int] = set()  # sequence numbers of Functions that look at numbers
        self.writes = Writes()
        self._before_write = before_write
        self._count = 0
        self._born: set[int] = set()  # memory that was made meanwhile
        self._last: dict[int, int] = {}  # thread -> the newest node that autograd itself built
        self._before: dict[int, int] = {}  # thread -> the newest one before that
        self._episode: list[Call] = []  # what ran in Functions since that node
        self._made: dict[int, _Known] = {}  # id of a tensor -> what made it
        self._forget = _forgetting(self._made)
        self._lying: weakref.WeakValueDictionary[_Lie, Place] = weakref.WeakValueDictionary()
        self._given: weakref.WeakValueDictionary[int, Value] = weakref.WeakValueDictionary()
        self._memories: weakref.WeakValueDictionary[int, Memory] = weakref.WeakValueDictionary()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch would load its compiler, which takes a second

    def __enter__(self) -> Tape:
        self._last[threading.get_ident()] = _next_sequence() - 1
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def program(self, outputs: Iterable[torch.Tensor]) -> Program:
        """What these tensors come from."""
        found = []
        for tensor in outputs:
            value = self._value(tensor, tensor.requires_grad)
            number = tensor.output_nr if tensor.requires_grad else 0
            found.append(Output(value, number, value.memory.last_write))
        return program_of(found, self.writes)

    # ---- what torch calls

    def __torch_dispatch__(
        self, op: OpOverload, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        known = traits(op)
        sequence, thread = _next_sequence() - 1, threading.get_ident()
        recorded = torch.is_grad_enabled()
        last = self._last.get(thread, -1)
        if recorded:
            if sequence > last:
                self._last[thread], self._before[thread] = sequence, last
            wanted = (
                any_requires_grad((*args, *kwargs.values()))
                if sequence > last or known.writes
                else self._inside_node(args, sequence)
            )
        else:
            wanted = sequence > last and self._inside_function(op, args, kwargs, last, sequence)
        if known.writes:
            self.writes.note(op, targets_of(known, args, kwargs), self._count)
        silent = not wanted and bool(known.writes) and self._writes_made(known, args, kwargs)
        if known.statistics and args[known.training]:
            for place in known.statistics:
                self._overwritten(args[place])
        if not wanted and not silent:
            for target in targets_of(known, args, kwargs):
                self._overwritten(target)
            return self._born_in(known, op(*args, **kwargs))
        call = Call(op, sequence, recorded)
        call.silent, call.thread = silent, thread
        call.previous = self._before.get(thread, -1) if recorded else last
        self._take_arguments(call, known, args, kwargs, last)
        self._number(call)
        if recorded:
            self._episode = []
        elif not silent:
            self._episode.append(call)
        _note_randomness(call, known, args)
        result = self._born_in(known, op(*args, **kwargs))
        self._note_results(call, known, args, kwargs, result)
        return result

    def _born_in(self, known: Traits, result: Any) -> Any:
        """Memory that is made meanwhile need not be put back by anyone."""
        if self._before_write is not None and not known.view and not known.writes:
            several = isinstance(result, list | tuple)
            self._born.update(map(storage_of, tensors_in(result if several else (result,))))
        return result

    # ---- what is worth recording

    def _inside_node(self, args: Any, sequence: int) -> bool:
        """Whether this works on what another operator under the same node has made.

        An operator on a conjugated tensor comes as two: one that resolves it, and the operator.
        """
        for tensor in tensors_in(args):
            if not tensor.requires_grad and id(tensor) in self._made:
                call = self._made[id(tensor)].key[1].call
                if call is not None and call.recorded and call.sequence == sequence:
                    return True
        return False

    def _inside_function(
        self, op: OpOverload, args: Any, kwargs: Any, last: int, sequence: int
    ) -> bool:
        """Whether this runs inside the forward of a custom Function, and hangs on its inputs.

        Gradients are switched off there, but the Function's node has been built.
        """
        if _graph_task() != -1:
            return False  # inside a backward
        if op is aten.lift_fresh.default and not args[0].untyped_storage().resizable():
            self.opaque.add(sequence)  # from NumPy, or another library's memory
        if not any(self._in_function(t, last) for t in tensors_in((*args, *kwargs.values()))):
            return False
        if op is aten._local_scalar_dense.default:
            self.opaque.add(sequence)
            return False
        writes = traits(op).writes
        return not (writes and any(t.requires_grad and t.is_leaf for t in tensors_in(args[:1])))

    def _in_function(self, tensor: torch.Tensor, last: int) -> bool:
        """Whether a tensor is an input of the Function that is running, or comes from one.

        While autograd records, none is running.
        """
        if torch.is_grad_enabled():
            return tensor.requires_grad
        if tensor.requires_grad:
            return True
        known = self._made.get(id(tensor))
        call = None if known is None else known.key[1].call
        return call is not None and not call.recorded and call.sequence > last

    def _writes_made(self, known: Traits, args: Any, kwargs: Any) -> bool:
        return any(
            target.requires_grad and id(target) in self._made
            for target in targets_of(known, args, kwargs)
        )

    # ---- from tensors to Values

    def _take_arguments(self, call: Call, known: Traits, args: Any, kwargs: Any, last: int) -> None:
        """Put Values in place of the tensors, and note what has to run before."""
        uses: list[Use] = []
        after: dict[int, Call] = {}
        targets = {id(target) for target in targets_of(known, args, kwargs)}

        def take(value: Any) -> Any:  # not recursive, or it would be garbage that holds tensors
            if not isinstance(value, torch.Tensor):
                return value
            requires_grad = value.requires_grad
            usable = (
                requires_grad
                or id(value) in targets
                or self._in_function(value, last)
                or self._inside_node((value,), call.sequence)
            )
            found = self._value(value, usable)
            uses.append(Use(found, requires_grad, value.output_nr if requires_grad else 0))
            write = found.memory.last_write
            if write is not None:
                after[write.number] = write
            return found

        for target in targets_of(known, args, kwargs):
            self._prepare_write(call, target)
        if known.statistics and args[known.training]:  # they do not change what comes out
            args = [None if i in known.statistics else arg for i, arg in enumerate(args)]
        call.args = tuple([mapped(arg, take) for arg in args])
        if kwargs:
            call.kwargs = {name: mapped(arg, take) for name, arg in kwargs.items()}
        call.uses, call.after = tuple(uses), tuple(after.values())

    def _value(self, tensor: torch.Tensor, usable: bool) -> Value:
        """The Value of a tensor; one that no gradient flows through is a constant."""
        known = self._made.get(id(tensor)) if usable else None
        if known is not None:
            return known.key[1]
        if usable and not tensor.is_leaf and tensor._base is not None:
            base = self._made.get(id(tensor._base))
            if base is not None:
                return self._view(base.key[1], tensor)
        if usable and not tensor.is_leaf and _graph_task() != -1:
            # a result that its own node kept comes back as another tensor on the same memory
            lie = _lie(tensor)
            place = None if lie is None else self._lying.get(lie)
            call = None if place is None else place.call()
            if place is not None and call is not None:
                return self._keep(tensor, Value(call, place.index, Memory()))
        value = self._given.get(id(tensor))
        if value is None:
            value = self._given[id(tensor)] = Value(None, 0, self._memory(tensor))
            value.data, value.key = tensor, id(tensor)
            value.tensor = tensor if tensor.requires_grad else None
            if not tensor.is_leaf:  # out of a Function that works outside torch
                value.behind = tuple(self._episode)
            value.memory.given.append(weakref.ref(value))
        return value

    def _memory(self, tensor: torch.Tensor) -> Memory:
        key = storage_of(tensor)
        memory = self._memories.get(key) if key != NO_STORAGE else Memory()
        if memory is None:
            memory = self._memories[key] = Memory()
        return memory

    def _view(self, base: Value, tensor: torch.Tensor) -> Value:
        """A view that was taken before anyone could know that it matters."""
        call = Call(aten.as_strided.default, -1, False)
        self._number(call)
        call.args = (base, tensor.size(), tensor.stride(), tensor.storage_offset())
        call.uses = (Use(base, False, 0),)
        write = base.memory.last_write
        call.after = () if write is None else (write,)
        return self._keep(tensor, Value(call, 0, base.memory))

    def _keep(self, tensor: torch.Tensor, value: Value) -> Value:
        self._made[id(tensor)] = weakref.KeyedRef(tensor, self._forget, (id(tensor), value))
        return value

    def _place(self, tensor: torch.Tensor, call: Call, index: int) -> None:
        """Note where a result lies."""
        lie = _lie(tensor) if call.recorded else None
        if lie is not None:
            place = self._lying[lie] = Place(call, index)
            call.places.append(place)

    def _number(self, call: Call) -> None:
        call.number = self._count
        self._count += 1

    # ---- what is changed in place

    def _prepare_write(self, call: Call, target: torch.Tensor) -> None:
        """A constant that a Call changes is kept as it was, and is known by name from now on."""
        base = target._base
        root = target if base is None else base
        if base is not None and target.requires_grad | base.requires_grad | call.recorded:
            call.base = Use(
                self._root(root), base.requires_grad, base.output_nr if base.requires_grad else 0
            )
        else:
            self._root(root)
        if base is not None and id(target) not in self._made:
            self._view(self._made[id(root)].key[1], target)

    def _root(self, tensor: torch.Tensor) -> Value:
        known = self._made.get(id(tensor))
        if known is not None:
            return known.key[1]
        self._overwritten(tensor)
        value = Value(None, 0, Memory())
        value.data, value.written = tensor.detach().clone(), True
        value.tensor = tensor if tensor.requires_grad else None
        return self._keep(tensor, value)

    def _overwritten(self, target: Any) -> None:
        """What is about to be changed is copied, where a Call was given it."""
        if not isinstance(target, torch.Tensor):
            return
        if self._before_write is not None and storage_of(target) not in self._born:
            self._before_write(target)
        memory = self._memories.get(storage_of(target))
        if memory is None:
            return
        for reference in memory.given:
            value = reference()
            if value is not None and value.data is not None:
                if self._given.get(value.key) is value:
                    del self._given[value.key]
                value.data = value.data.detach().clone()
        memory.given.clear()

    # ---- what came out

    def _note_results(self, call: Call, known: Traits, args: Any, kwargs: Any, result: Any) -> None:
        several = isinstance(result, list | tuple)
        results = result if several else (result,)
        call.count = len(results)
        if call.op is aten.native_dropout.default:
            call.kept = (None, list(results)[1].detach())
        targets = {id(target) for target in targets_of(known, args, kwargs)}
        shared = call.uses[0].value.memory if known.view and call.uses else None
        for index, tensor in enumerate(results):
            if isinstance(tensor, torch.Tensor) and id(tensor) not in targets:
                self._keep(tensor, Value(call, index, shared or Memory()))
                self._place(tensor, call, index)
        for index, target in enumerate(targets_of(known, args, kwargs)):
            before = self._made[id(target)].key[1]
            before.memory.last_write = call
            if not call.silent:
                self._keep(target, Value(call, index, before.memory))
                self._place(target, call, index)


def _forgetting(made: dict[int, _Known]) -> Callable[[Any], None]:
    def forget(known: Any) -> None:
        key, _ = known.key
        if made.get(key) is known:
            del made[key]

    return forget


def _note_randomness(call: Call, known: Traits, args: Any) -> None:
    if not known.random or call.op is aten.native_dropout.default:
        return
    if known.dropout >= 0 and not (known.dropout < len(args) and args[known.dropout]):
        return
    device = next((t.device for t in tensors_in(args)), torch.device("cpu"))
    call.random = (
        torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()
    )


def _lie(tensor: torch.Tensor) -> _Lie | None:
    try:
        return tensor.data_ptr(), tensor.shape, tensor.stride()
    except (RuntimeError, NotImplementedError):
        return None  # sparse tensors and the like


def _leave_uncompiled() -> None:
    """Under torch.compile, have torch run what records as it is, and not try to trace it."""
    frames = torch._C._dynamo.eval_frame
    skip = frames._FrameAction.SKIP
    strategy = frames._FrameExecStrategy(skip, skip)  # for this, and all that it calls
    frames.set_code_exec_strategy(Tape.__torch_dispatch__.__code__, strategy)


with contextlib.suppress(AttributeError):  # torch's own, and private
    _leave_uncompiled()
