"""The sweep: every operator of torch's own test database, on the engine and on torch.

Torch tests its operators with a database, OpInfo, that has sample inputs for each. Here
every sample of every differentiable entry runs twice, on torch.autograd and on the engine,
with the same random numbers and the same random cotangents, and what comes out is compared:
values, shapes, dtypes, NaNs, what requires grad, which gradients are missing, and at order 2
the gradients of gradients, with respect to the cotangents too.

    gva verify --ops [--order 2] [--dtype complex128] [PATTERN]

Only this file imports torch.testing._internal, and only inside functions: it needs packages
that users do not have, and it changes torch's global settings.
"""

from __future__ import annotations

import multiprocessing
import random
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from types import FunctionType
from typing import Any, NamedTuple

import torch
from torch.utils._pytree import tree_leaves, tree_map

from graphviz_autograd import engine
from graphviz_autograd.errors import (
    MissingExtraError,
    OptionError,
    UnsupportedOperator,
)

KNOWN: dict[str, tuple[tuple[int, ...], str]] = {
    "as_strided_scatter": (
        (1, 2),
        "torch drops the gradient of all that the source does not replace",
    ),
    "nn.functional.linear_cross_entropy.chunked": (
        (2,),
        "torch's chunked form takes the first derivative for a constant, so its second is wrong",
    ),
}
"""Entries where torch and the engine differ and are meant to: at which orders, and the reason."""

DTYPES = ("float64", "complex128", "float32", "complex64", "bfloat16", "float16")


@dataclass
class EntryResult:
    """How one entry of the database fared.

    name         as torch has it, with the variant after a dot
    matched      samples where the engine gave all that torch gave
    failed       samples where something differed, or the engine broke down
    unsupported  samples that the engine refused, for want of a rule
    empty        samples that match, but without one element of a gradient to compare
    difference   the first failed sample's first difference, else the first refusal
    only_zeros   whether every gradient compared was zero, so that matching says little
    """

    name: str
    matched: int = 0
    failed: int = 0
    unsupported: int = 0
    empty: int = 0
    difference: str = ""
    only_zeros: bool = True

    @property
    def whole(self) -> bool:
        """Every sample matches, and there was something to compare."""
        return self.matched > 0 and self.failed == self.unsupported == 0

    @property
    def samples(self) -> int:
        """How many samples were compared; those that torch itself refuses are left out."""
        return self.matched + self.failed + self.unsupported + self.empty


def sweep(
    pattern: str = "",
    order: int = 1,
    dtype: str = "float64",
    device: str = "cpu",
    processes: int = 1,
    tell: Callable[[int, int], None] | None = None,
) -> list[EntryResult]:
    """Compare the engine with torch.autograd on every entry whose name matches `pattern`.

    tell  is called with how many entries are done, and of how many

    With one process the database is loaded into this one, and changes torch's global
    settings here; with more, only into theirs.

    Raises OptionError for a pattern that is no regular expression or matches nothing, an
    order other than 1 or 2, a dtype that has no gradients, or a device that is not there;
    MissingExtraError where torch's tests cannot be imported.
    """
    _check_options(pattern, order, dtype, device, processes)
    entry = partial(_entry, order=order, dtype=dtype, device=device)
    if processes == 1:
        names = _names(pattern, order, dtype, device)
        return list(_told(map(entry, names), len(names), tell))
    spawn = multiprocessing.get_context("spawn")  # a fork would not survive CUDA
    with ProcessPoolExecutor(
        processes, spawn, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        names = pool.submit(_names, pattern, order, dtype, device).result()
        return list(_told(pool.map(entry, names), len(names), tell))


def _told(
    results: Iterable[EntryResult], count: int, tell: Callable[[int, int], None] | None
) -> Iterator[EntryResult]:
    for done, result in enumerate(results, 1):
        if tell is not None:
            tell(done, count)
        yield result


def known(order: int) -> dict[str, str]:
    """The entries that are known to differ at an order, with the reason."""
    return {name: why for name, (orders, why) in KNOWN.items() if order in orders}


def _check_options(pattern: str, order: int, dtype: str, device: str, processes: int) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise OptionError(f"{pattern!r} is no regular expression: {error}") from None
    if order not in (1, 2):
        raise OptionError(f"order is {order!r}: give 1 or 2")
    if dtype not in DTYPES:
        raise OptionError(f"dtype is {dtype!r}: give one of {', '.join(DTYPES)}")
    if processes < 1:
        raise OptionError(f"processes is {processes}: give 1 or more")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise OptionError(f"device is {device!r}, and torch says: {reason}") from None


# ---- the database


@cache
def _database() -> dict[str, Any]:
    """Torch's entries, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from torch.testing._internal.common_methods_invocations import op_db
        except ImportError as error:
            raise MissingExtraError(
                f"torch's database of operators cannot be imported ({error}): "
                "install graphviz-autograd[dev]"
            ) from error
    return {f"{entry.name}.{entry.variant_test_name}".rstrip("."): entry for entry in op_db}


def _names(pattern: str, order: int, dtype: str, device: str) -> list[str]:
    """The entries that match and that torch differentiates."""
    kind = getattr(torch, dtype)
    names = [
        name
        for name, entry in _database().items()
        if re.search(pattern, name)
        and entry.supports_autograd
        and (order == 1 or entry.supports_gradgrad)
        and kind in entry.supported_backward_dtypes(torch.device(device).type)
    ]
    if not names:
        raise OptionError(
            f"no differentiable entry matches {pattern!r} at order {order} in {dtype}: "
            "give a regular expression that finds a name like mul or linalg.det"
        )
    return names


def _entry(name: str, order: int, dtype: str, device: str) -> EntryResult:
    """Compare every sample of one entry."""
    entry, result = _database()[name], EntryResult(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _seed()
        for sample in entry.sample_inputs(device, getattr(torch, dtype), requires_grad=True):
            _count(result, entry.op, sample, order)
    result.only_zeros = result.only_zeros and result.matched > 0
    return result


def _seed() -> None:
    """The samples are random, by any of three generators, and shall be the same each time."""
    torch.manual_seed(0)
    random.seed(0)
    try:
        import numpy
    except ImportError:
        return
    numpy.random.seed(0)


def _count(result: EntryResult, function: Callable[..., Any], sample: Any, order: int) -> None:
    """Run one sample on both sides and note how they compare."""
    state = torch.get_rng_state()  # what the next sample is made with
    try:
        expected = _run(TORCH, function, sample, order)
    except Exception:  # some samples are there to be refused
        torch.set_rng_state(state)
        return
    refused = False
    try:
        difference = _difference(expected, _run(ENGINE, function, sample, order))
    except Exception as error:
        refused = isinstance(error, UnsupportedOperator)
        difference = f"{type(error).__name__}: {error}"
    torch.set_rng_state(state)
    grads = [part.value for part in expected if part.what != "output" and part.value is not None]
    if not difference:
        some = any(grad.numel() for grad in grads)
        result.matched, result.empty = result.matched + some, result.empty + (not some)
    elif refused:
        result.unsupported += 1
    else:
        result.failed += 1
    if difference and (not result.difference or (not refused and result.failed == 1)):
        result.difference = " ".join(difference.split())
    result.only_zeros = result.only_zeros and all(map(_is_zero, grads))


# ---- one sample on one side


class Side(NamedTuple):
    """Who differentiates: how it makes a leaf, what its gradients are, its numbers in torch."""

    leaf: Callable[[torch.Tensor, bool], Any]
    grad: Callable[..., Sequence[Any]]
    plain: Callable[[Any], torch.Tensor]


TORCH = Side(
    lambda data, requires_grad: data.requires_grad_(requires_grad),
    torch.autograd.grad,
    lambda tensor: tensor.detach(),
)
ENGINE = Side(engine.Tensor, engine.autograd.grad, lambda tensor: tensor.data)


class Part(NamedTuple):
    """One of the things that are compared."""

    what: str
    value: torch.Tensor | None
    requires_grad: bool = False


def _run(side: Side, function: Callable[..., Any], sample: Any, order: int) -> list[Part]:
    """The outputs of an operator on one sample, then its gradients, then theirs."""
    leaves: list[Any] = []

    def own(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        leaf = side.leaf(value.detach().clone(), value.requires_grad)
        if leaf.requires_grad:
            leaves.append(leaf)
        return leaf

    given, args, kwargs = tree_map(own, (sample.input, sample.args, sample.kwargs))
    torch.manual_seed(0)  # for operators that are random themselves
    output = _call(function, given, args, kwargs)
    if sample.output_process_fn_grad is not None:
        output = sample.output_process_fn_grad(output)
    outputs = [value for value in tree_leaves(output) if engine.is_tensor(value)]
    parts = [Part("output", side.plain(out), out.requires_grad) for out in outputs]

    generator = torch.Generator().manual_seed(1)
    cotangent = partial(_cotangent, side, generator)
    heads = [out for out in outputs if out.requires_grad]
    if not heads or not leaves:
        return parts
    cotangents = [cotangent(head, order == 2) for head in heads]
    grads = side.grad(heads, leaves, cotangents, allow_unused=True, create_graph=order == 2)
    parts.extend(_parts(side, "gradient", grads))
    if order == 1:
        return parts
    # Each gradient has a cotangent, or one that needs no grad would shift the random numbers.
    seconds = [(grad, cotangent(grad, False)) for grad in grads if grad is not None]
    seconds = [(grad, second) for grad, second in seconds if grad.requires_grad]
    wanted, found = [*leaves, *cotangents], [None] * (len(leaves) + len(cotangents))
    if seconds:
        firsts, directions = zip(*seconds, strict=True)
        found = list(side.grad(firsts, wanted, directions, allow_unused=True))
    return [*parts, *_parts(side, "second gradient", found)]


def _call(function: Callable[..., Any], given: Any, args: Any, kwargs: Any) -> Any:
    """A method that is written in C takes no Tensor but torch's: ask the tensor for its own."""
    name = getattr(function, "__name__", "")
    in_c = not isinstance(function, FunctionType)
    if in_c and getattr(torch.Tensor, name, None) is function:
        return getattr(given, name)(*args, **kwargs)
    return function(given, *args, **kwargs)


def _cotangent(side: Side, generator: torch.Generator, like: Any, requires_grad: bool) -> Any:
    plain = side.plain(like)
    numbers = torch.randn(plain.shape, dtype=plain.dtype, generator=generator)
    return side.leaf(numbers.to(plain.device), requires_grad)


def _parts(side: Side, what: str, grads: Iterable[Any]) -> Iterator[Part]:
    for grad in grads:
        yield Part(what, None if grad is None else side.plain(grad))


# ---- comparing


def _difference(expected: list[Part], found: list[Part]) -> str:
    """The first difference in words; nothing where there is none."""
    if len(expected) != len(found):
        return f"torch gives {len(expected)} results, the engine {len(found)}"
    for want, have in zip(expected, found, strict=True):
        if want.requires_grad != have.requires_grad:
            return (
                f"{want.what}: requires_grad is {want.requires_grad}, "
                f"the engine's {have.requires_grad}"
            )
        mine, theirs = have.value, want.value
        if want.what == "second gradient":  # torch says some zeros by None, the engine others
            mine = torch.zeros_like(theirs) if mine is None and theirs is not None else mine
            theirs = torch.zeros_like(mine) if theirs is None and mine is not None else theirs
        if mine is None or theirs is None:
            if mine is not theirs:
                return f"{want.what}: {_shape(theirs)}, the engine's {_shape(mine)}"
            continue
        try:
            torch.testing.assert_close(mine, theirs, equal_nan=True)
        except AssertionError as error:
            return f"{want.what}: {error}"
    return ""


def _is_zero(value: torch.Tensor | None) -> bool:
    return value is None or not value.to_dense().any()


def _shape(value: torch.Tensor | None) -> str:
    return "none" if value is None else f"of shape {tuple(value.shape)}"


# ---- the table


def table(results: Sequence[EntryResult], order: int = 1) -> str:
    """The entries that do not wholly match, one a line, and the sums below them."""
    lines = [f"{'entry':<52} {'match':>6} {'fail':>5} {'refuse':>6} {'empty':>5}  first difference"]
    for result in results:
        if result.whole:
            continue
        difference = known(order).get(result.name) or result.difference
        lines.append(
            f"{result.name:<52} {result.matched:>6} {result.failed:>5} {result.unsupported:>6} "
            f"{result.empty:>5}  {difference[:160]}"
        )
    return "\n".join([*lines, summary(results, order)])


def summary(results: Sequence[EntryResult], order: int = 1) -> str:
    """How many entries and samples match, differ and are refused, in two lines."""
    whole = [result for result in results if result.whole]
    failed = [result for result in results if result.failed]
    meant = sum(result.name in known(order) for result in failed)
    matched, refused, empty, samples = (
        sum(getattr(result, field) for result in results)
        for field in ("matched", "unsupported", "empty", "samples")
    )
    return (
        f"{len(whole)} of {len(results)} entries match wholly, "
        f"{sum(result.only_zeros for result in whole)} of them with zero gradients only; "
        f"{len(failed)} differ, {meant} of them known\n"
        f"{matched} of {samples} samples match, {refused} are refused, "
        f"{empty} have no gradient elements to compare"
    )
