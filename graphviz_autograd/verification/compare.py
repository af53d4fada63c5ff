"""Are two tensors the same, and if not, where do they differ most?

Tolerances are those of torch.testing, by dtype. Where none were asked for, they are taken
relative to the largest number of a tensor too: an element that cancels to nearly nothing
carries the rounding of its neighbours, and a gradient of 1e-6 is not right because it is
small.

May import nothing of ours.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch

_BY_DTYPE: dict[torch.dtype, tuple[float, float]] = {
    torch.float16: (1e-3, 1e-5),
    torch.bfloat16: (1.6e-2, 1e-5),
    torch.float32: (1.3e-6, 1e-5),
    torch.float64: (1e-7, 1e-7),
    torch.complex32: (1e-3, 1e-5),
    torch.complex64: (1.3e-6, 1e-5),
    torch.complex128: (1e-7, 1e-7),
}

WIDE = {
    torch.float16: torch.float64,
    torch.bfloat16: torch.float64,
    torch.float32: torch.float64,
    torch.complex32: torch.complex128,
    torch.complex64: torch.complex128,
}
"""The dtype in which rounding no longer matters."""

NO_ELEMENT: tuple[int, ...] = ()


class Tolerance(NamedTuple):
    """How far apart two numbers may be; None: by dtype."""

    rtol: float | None = None
    atol: float | None = None

    @property
    def given(self) -> bool:
        """Whether a person asked for it, so that it holds to the letter."""
        return self.rtol is not None or self.atol is not None

    def of(self, dtype: torch.dtype) -> tuple[float, float]:
        """Relative and absolute tolerance for a dtype."""
        rtol, atol = _BY_DTYPE.get(dtype, (0.0, 0.0))
        if not self.given:
            return rtol, atol
        return (self.rtol or 0.0, self.atol or 0.0)


class Difference(NamedTuple):
    """How two tensors differ.

    what      in words, "" where they are the same up to tolerance
    absolute  the largest absolute difference; inf where one side has NaN, or no gradient
    relative  the largest, relative to the largest number that was expected; inf beside zeros
    where     the element where the difference is largest; () for none, or for a scalar
    allowed   how far apart the two might have been there
    rounding  whether most of that is rounding on the way, as far as it was seen, and not the
              tolerance
    """

    what: str = ""
    absolute: float = 0.0
    relative: float = 0.0
    where: tuple[int, ...] = NO_ELEMENT
    allowed: float = 0.0
    rounding: bool = False

    def __bool__(self) -> bool:
        return bool(self.what)


SAME = Difference()


def difference(
    found: torch.Tensor | None,
    expected: torch.Tensor | None,
    tolerance: Tolerance,
    names: tuple[str, str] = ("torch", "the engine"),
    noise: float = 0.0,
) -> Difference:
    """How `found` differs from `expected`; None is "no gradient", and not the same as zeros.

    noise  how far off rounding may be, where that is known to be more than the tolerance
    """
    if found is None or expected is None:
        if found is expected:
            return SAME
        return Difference(f"{names[0]}: {_what(found)}, {names[1]}: {_what(expected)}", math.inf)
    if found.shape != expected.shape:
        return Difference(
            f"{names[0]}: shape {tuple(found.shape)}, {names[1]}: {tuple(expected.shape)}", math.inf
        )
    if not found.numel() or (found.dtype == expected.dtype and _identical(found, expected)):
        return SAME
    mine, theirs = _comparable(found, expected)
    rtol, atol = tolerance.of(found.dtype)
    apart, scale = _largest(mine - theirs), _largest(theirs)
    limit = noise + _slack(tolerance, rtol, atol, scale)
    if apart <= limit:
        return Difference("", apart, _ratio(apart, scale), (), limit, 2 * noise > limit)
    return _by_element(mine, theirs, noise, tolerance, (rtol, atol), names)


def _identical(found: torch.Tensor, expected: torch.Tensor) -> bool:
    """The cheap answer, which is often enough; NaN is not equal to itself here."""
    dense = found.layout is expected.layout is torch.strided
    return (
        dense
        and found.dtype is not torch.complex32
        and found.device == expected.device
        and torch.equal(found, expected)
    )


def _slack(tolerance: Tolerance, rtol: float, atol: float, scale: float) -> float:
    """What is allowed at every element, whatever its size."""
    if tolerance.given:
        return atol
    return atol * min(1.0, scale) + rtol * scale + 1e-3 * atol


def _by_element(
    mine: torch.Tensor,
    theirs: torch.Tensor,
    noise: float,
    tolerance: Tolerance,
    allowed: tuple[float, float],
    names: tuple[str, str],
) -> Difference:
    """Element by element, NaN being the same as NaN and inf as inf."""
    rtol, atol = allowed
    size = theirs.abs()
    finite = size[size.isfinite()]
    scale = float(finite.max()) if finite.numel() else 0.0
    same = (mine == theirs) | (mine.isnan() & theirs.isnan())
    apart = torch.where(same, 0.0, (mine - theirs).abs().nan_to_num(math.inf, math.inf))
    limit = (
        noise
        + _slack(tolerance, rtol, atol, scale)
        + rtol * torch.where(size.isfinite(), size, 0.0)
    )
    wrong = apart > limit
    count = int(wrong.sum())
    ranked = torch.where(wrong, apart, -1.0) if count else apart
    flat = int(ranked.argmax())
    where = tuple(int(i) for i in torch.unravel_index(torch.tensor(flat), mine.shape))
    absolute, allowed_there = float(apart.flatten()[flat]), float(limit.flatten()[flat])
    words = ""
    if count:
        words = f"{names[0]} {_number(mine[where])}, {names[1]} {_number(theirs[where])}"
        if mine.numel() > 1:
            which = "most" if math.isfinite(absolute) else "first"
            words += f"; {count} of {mine.numel()} elements differ, {which} at {where}"
    rounding = 2 * noise > allowed_there
    return Difference(words, absolute, _ratio(absolute, scale), where, allowed_there, rounding)


def _ratio(absolute: float, scale: float) -> float:
    return absolute / scale if scale else math.inf if absolute else 0.0


def _comparable(found: torch.Tensor, expected: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both in one dtype, dense, on one device, detached."""
    found, expected = found.detach(), expected.detach()
    if found.layout is not torch.strided:
        found = found.to_dense()
    if expected.layout is not torch.strided:
        expected = expected.to_dense()
    if expected.device != found.device:
        expected = expected.to(found.device)
    if found.dtype != expected.dtype:
        dtype = torch.promote_types(found.dtype, expected.dtype)
        found, expected = found.to(dtype), expected.to(dtype)
    if found.dtype in (torch.float16, torch.bfloat16):
        found, expected = found.float(), expected.float()
    elif found.dtype is torch.complex32:  # torch has next to nothing for it
        found, expected = found.to(torch.complex64), expected.to(torch.complex64)
    return found, expected


def _largest(tensor: torch.Tensor) -> float:
    """The largest absolute value; nan or inf where there is one."""
    return float(tensor.abs().max())


def largest(tensor: torch.Tensor | None) -> float:
    """The largest absolute value of a tensor, 0 where there is none."""
    if tensor is None or not tensor.numel():
        return 0.0
    value = _largest(_comparable(tensor, tensor)[0])
    return value if math.isfinite(value) else 0.0


def _what(grad: torch.Tensor | None) -> str:
    if grad is None:
        return "no gradient"
    return "zeros" if not bool(grad.detach().to_dense().any()) else "a gradient"


def _number(value: torch.Tensor) -> str:
    number: Any = value.item()
    return f"{number:.6g}".replace("nan", "NaN")
