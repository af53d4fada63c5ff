"""One operator on one engine: what it is called there, and whether its gradients are torch's."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy
import torch
from torch.utils._pytree import tree_flatten, tree_unflatten

from bench.engines import PEERS, Engine, Program
from bench.samples import Case, cases

MATCH, DIFFER, FAIL, MISSING = "match", "differ", "fail", "not there"
WORSE = (MATCH, DIFFER, FAIL, MISSING)

SPACES = ("", "nn.functional", "linalg", "fft", "special")
"""Of torch's names: where a function of the same last name is the same function."""

ALSO = {
    "__rdiv__": "__rtruediv__",
    "add": "__add__",
    "amax": "max",
    "amin": "min",
    "bmm": "matmul",
    "div": "__truediv__",
    "expand": "broadcast_to",
    "gather": "take_along_axis",
    "log_softmax": "logsoftmax",
    "mm": "matmul",
    "mul": "__mul__",
    "mv": "matmul",
    "neg": "__neg__",
    "nll_loss": "negative_log_likelihood",
    "permute": "transpose",
    "pow": "__pow__",
    "repeat": "tile",
    "repeat_interleave": "repeat",
    "sub": "__sub__",
    "t": "transpose",
    "take_along_dim": "take_along_axis",
    "unsqueeze": "expand_dims",
}
"""What the peers, after NumPy and Python, call it otherwise; torch's own aliases come besides."""

AXES = {"dim": "axis", "dims": "axis"}
NUMPYS = {**AXES, "keepdim": "keepdims", "correction": "ddof"}
KEYWORDS: tuple[dict[str, str], ...] = ({}, AXES, NUMPYS)
"""Torch's names of arguments as they are, with NumPy's for dimensions, and all as in NumPy."""


@dataclass(frozen=True)
class Peer:
    """An engine that is given torch's samples.

    constant  its own of a tensor that has no gradient
    total     the scalar whose gradient is that of an output with a cotangent
    places    modules that have functions; methods of tensors come before them
    method    a method of a tensor by name, as a function
    """

    engine: Engine
    constant: Callable[[torch.Tensor], Any]
    total: Callable[[Any, Any], Any]
    places: tuple[Any, ...]
    method: Callable[[str], Callable[..., Any] | None]


def peer(who: str) -> Peer:
    return {"MyGrad": _mygrad, "HIPS autograd": _hips, "micrograd": _micrograd}.get(
        who, _tinygrad
    )()


def _mygrad() -> Peer:
    names = ("mygrad", "mygrad.linalg", "mygrad.nnet.activations", "mygrad.nnet.losses")
    method = _methods(importlib.import_module("mygrad").Tensor)
    return Peer(PEERS["MyGrad"](), _numbers, _weighed, tuple(_modules(names)), method)


def _hips() -> Peer:
    library = importlib.import_module("autograd.numpy")
    below = ("numpy", "numpy.linalg", "numpy.fft", "scipy.special", "scipy.linalg")
    box = importlib.import_module("autograd.numpy.numpy_boxes").ArrayBox

    def total(output: Any, cotangent: Any) -> Any:
        return library.sum(library.real(output * numpy.conj(cotangent)))

    places = tuple(_modules(f"autograd.{name}" for name in below))
    return Peer(PEERS["HIPS autograd"](), _numbers, total, places, _methods(box))


def _micrograd() -> Peer:
    """A tensor is an array of its values, and what they can do is done element by element."""
    value = importlib.import_module("micrograd.engine").Value

    def leaf(number: torch.Tensor) -> Any:
        return numpy.array([value(one) for one in number.flatten().tolist()], object).reshape(
            tuple(number.shape)
        )

    def gradients(program: Program, leaves: Sequence[Any]) -> Sequence[Any]:
        program(leaves).backward()
        return [numpy.array([one.grad for one in leaf.flat]).reshape(leaf.shape) for leaf in leaves]

    def total(output: Any, cotangent: Any) -> Any:
        return (numpy.ravel(output) * numpy.ravel(cotangent)).sum()

    def method(name: str) -> Callable[..., Any] | None:
        found = getattr(value, name, None)
        return found and (lambda *args: numpy.frompyfunc(found, len(args), 1)(*args))

    engine = replace(PEERS["micrograd"](), leaf=leaf, gradients=gradients)
    return Peer(engine, _numbers, total, (), method)


def _tinygrad() -> Peer:
    engine = PEERS["tinygrad"]()
    tensor = importlib.import_module("tinygrad").Tensor

    def constant(value: torch.Tensor) -> Any:
        if value.is_floating_point():
            return engine.leaf(value)
        return tensor(value.flatten().tolist()).reshape(tuple(value.shape))

    return Peer(engine, constant, _weighed, (), _methods(tensor))


def _numbers(value: torch.Tensor) -> Any:
    return numpy.array(value.resolve_conj().resolve_neg())  # MyGrad refuses torch's own memory


def _weighed(output: Any, cotangent: Any) -> Any:
    return (output * cotangent).sum()


def _methods(kind: Any) -> Callable[[str], Callable[..., Any] | None]:
    def method(name: str) -> Callable[..., Any] | None:
        found = getattr(kind, name, None)
        if isinstance(found, property):
            return found.fget
        return found if callable(found) else None

    return method


def _modules(names: Iterable[str]) -> Iterator[Any]:
    """Those that can be imported: autograd.scipy needs scipy."""
    for name in names:
        try:
            yield importlib.import_module(name)
        except ImportError:
            continue


# ---- an entry of torch's database


def functions(who: Peer, entry: Any) -> Iterator[Callable[..., Any]]:
    """What a peer has by the name of an entry, or by another name that it goes by."""
    space, _, name = entry.name.rpartition(".")
    if space not in SPACES:
        return
    names = [name, *(alias.name.rpartition(".")[2] for alias in entry.aliases)]
    names += [ALSO[one] for one in names if one in ALSO]
    for one in dict.fromkeys(names):
        found = [who.method(one), *(getattr(place, one, None) for place in who.places)]
        yield from (function for function in found if callable(function))


def judged(who: Peer, entry: Any, order: int, first: int) -> str:
    """The best that any of these functions does on the first samples of an entry."""
    tried = list(functions(who, entry))
    some = list(islice(cases(entry, order), first)) if tried else []
    best = MISSING
    for function in tried if some else ():
        for names in KEYWORDS:
            best = min(best, _judged(who, function, some, names), key=WORSE.index)
            if best == MATCH:
                return best
    return best


def _judged(
    who: Peer, function: Callable[..., Any], cases: Sequence[Case], names: Mapping[str, str]
) -> str:
    """It matches where it does on some of the samples, and differs on none."""
    found = set()
    for case in cases:
        try:
            found.add(MATCH if _equal(who, function, case, names) else DIFFER)
        except TimeoutError:
            raise
        except Exception:  # that it fails is the answer
            found.add(FAIL)
    return next(one for one in (DIFFER, MATCH, FAIL) if one in found)


def _equal(who: Peer, function: Callable[..., Any], case: Case, names: Mapping[str, str]) -> bool:
    """Whether the gradients of one sample, or the second ones, are torch's."""
    values, spec = tree_flatten((case.sample.input, case.sample.args, case.sample.kwargs))
    tensors = {at: one.detach() for at, one in enumerate(values) if torch.is_tensor(one)}
    places = [at for at in tensors if values[at].requires_grad]
    constants = {at: who.constant(one) for at, one in tensors.items() if at not in places}
    cotangents, seconds = (
        [who.constant(one) for one in tensors] for tensors in (case.cotangents, case.seconds)
    )

    def program(leaves: Sequence[Any]) -> Any:
        own = {**dict(enumerate(values)), **constants, **dict(zip(places, leaves, strict=True))}
        given, args, kwargs = tree_unflatten([own[at] for at in range(len(values))], spec)
        named = {names.get(key, key): _axes(value) for key, value in kwargs.items()}
        output = function(given, *args, **named)
        heads = _parts(case.sample.output_process_fn_grad(output))
        if len(heads) == case.outputs:
            heads = [heads[at] for at in case.heads]
        if [_shape(head) for head in heads] != [tuple(one.shape) for one in case.cotangents]:
            raise ValueError("another function: its output has another shape")
        return _sum(map(who.total, heads, cotangents))

    def second(leaves: Sequence[Any]) -> Any:
        return _sum(map(who.total, who.engine.gradients(program, leaves), seconds))

    leaves = [who.engine.leaf(tensors[at]) for at in places]
    found = who.engine.gradients(second if seconds else program, leaves)
    return all(
        (one is None and not want.any())
        or (
            numpy.shape(numbers := who.engine.numbers(one)) == tuple(want.shape)
            and numpy.allclose(numbers, want.numpy(), 1e-6)
        )
        for one, want in zip(found, case.wanted, strict=True)
    )


def _axes(value: Any) -> Any:
    """Several dimensions are a tuple in NumPy, and in torch's samples sometimes a list."""
    whole = isinstance(value, list) and all(isinstance(one, int) for one in value)
    return tuple(value) if whole else value


def _parts(output: Any) -> list[Any]:
    """One output or several."""
    if hasattr(output, "dtype") or not hasattr(output, "__len__"):
        return [output]
    return [part for one in output for part in _parts(one)]


def _shape(output: Any) -> tuple[int, ...]:
    return tuple(output.shape) if hasattr(output, "shape") else ()


def _sum(terms: Iterable[Any]) -> Any:
    first, *rest = terms
    for term in rest:
        first = first + term
    return first
