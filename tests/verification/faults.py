"""Planted faults: a program with one wrong gradient in it, and the node that is to blame.

Each Fault makes its program twice, sound and faulty, so that a test can see the fault found
and the same program pass without it. Most are custom Functions, those of wrong_functions.py.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from graphviz_autograd import engine

aten = torch.ops.aten
Make = Callable[[bool], Callable[..., Any]]


@dataclass
class Fault:
    """A program, sound or faulty.

    make     the function to verify; faulty if asked for
    inputs   makes what to call it with
    node     the name of the node that is wrong
    options  for verify
    around   a context in which the fault is there, for faults in the engine
    found_by the check that must find it
    """

    name: str
    make: Make
    inputs: Callable[[], tuple[Any, ...]]
    node: str
    options: dict[str, Any] = field(default_factory=dict)
    around: Callable[[bool], AbstractContextManager[None]] = lambda faulty: nullcontext()
    found_by: str = "local"


def function(name: str, forward: Any, backward: Any) -> Any:
    """An autograd.Function that keeps all its tensors."""

    def keeping(ctx: Any, *args: Any) -> Any:
        ctx.save_for_backward(*args)
        return forward(*args)

    def going_back(ctx: Any, *grads: Any) -> Any:
        return backward(*grads, *ctx.saved_tensors)

    methods = {"forward": staticmethod(keeping), "backward": staticmethod(going_back)}
    return type(name, (torch.autograd.Function,), methods)


def leaf(*shape: int, dtype: torch.dtype = torch.float64, positive: bool = False) -> torch.Tensor:
    numbers = torch.randn(shape, dtype=dtype)
    return (numbers.abs() + 0.5 if positive else numbers).requires_grad_()


PAIRS = runpy.run_path(str(Path(__file__).with_name("wrong_functions.py")))["PAIRS"]


def pairs() -> Iterator[Fault]:
    """A Function between ordinary operators."""
    for name, shapes, forward, right, wrong in PAIRS:

        def make(faulty: bool, of: Any = (name, forward, right, wrong)) -> Callable[..., Any]:
            cls = function(of[0], of[1], of[3] if faulty else of[2])
            return lambda *inputs: (cls.apply(*(x * 1.5 for x in inputs)).tanh() + 1).sum()

        def inputs(shapes: Any = shapes) -> tuple[Any, ...]:
            return tuple(leaf(*shape) for shape in shapes)

        yield Fault(name, make, inputs, f"{name}Backward")


# ---- faults that show only somewhere


def _tripled(name: str, backward: Any) -> Any:
    return function(name, lambda x: x.pow(3), backward)


def _second_order(faulty: bool) -> Callable[..., Any]:
    """The first derivative is right, but is a constant to the second."""
    cube = _tripled("SecondOrder", lambda g, x: 3 * g * (x.detach() if faulty else x) * x)
    return lambda x: cube.apply(x * 1).sum()


def _cut_cotangent(faulty: bool) -> Callable[..., Any]:
    cube = _tripled("CutCotangent", lambda g, x: 3 * (g.detach() if faulty else g) * x * x)
    return lambda x: cube.apply(x * 1).sum()


def _float32_only(faulty: bool) -> Callable[..., Any]:
    def backward(g: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return 3 * g * x * x * (1.001 if faulty and g.dtype == torch.float32 else 1)

    cube = _tripled("Single", backward)
    return lambda x: cube.apply(x * 1).sum()


def _seventh_block(faulty: bool) -> Callable[..., Any]:
    """Twelve equal blocks, all but one of them sound."""
    blocks = [
        function(
            f"Block{i}" if i == 7 else "Block",
            lambda x: x.tanh(),
            lambda g, x, i=i: g * (1 - x.tanh() ** 2) * (0.5 if faulty and i == 7 else 1),
        )
        for i in range(1, 13)
    ]

    def run(x: torch.Tensor) -> torch.Tensor:
        for block in blocks:
            x = x + block.apply(x)
        return x.sum()

    return run


def _two_outputs(faulty: bool) -> Callable[..., Any]:
    def backward(g: torch.Tensor, h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return g * x.cos() - h * x.sin() * (-1 if faulty else 1)

    cls = function("TwoOutputs", lambda x: (x.sin(), x.cos()), backward)

    def run(x: torch.Tensor) -> torch.Tensor:
        one, two = cls.apply(x * 1)
        return (one * two.exp()).sum()

    return run


def _used_twice(faulty: bool) -> Callable[..., Any]:
    """One tensor for two arguments: only the sum of its gradients can be seen."""
    cls = function(
        "UsedTwice",
        lambda a, b: a * b * b,
        lambda g, a, b: (g * b * b, g * a * b * (1 if faulty else 2)),
    )

    def run(x: torch.Tensor) -> torch.Tensor:
        y = x * 1
        return cls.apply(y, y).sum()

    return run


def _complex(faulty: bool) -> Callable[..., Any]:
    cls = function(
        "Complex",
        lambda a, b: a * b,
        lambda g, a, b: (g * (b if faulty else b.conj()), g * a.conj()),
    )
    return lambda a, b: cls.apply(a * 1, b * 1).abs().sum()


class _InPlace(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.mark_dirty(x)
        return x.mul_(3)

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
        return 3 * g


class _InPlaceWrong(_InPlace):
    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
        return g


def _in_place(faulty: bool) -> Callable[..., Any]:
    cls: Any = _InPlaceWrong if faulty else _InPlace
    return lambda x: (cls.apply(x * 1) ** 2).sum()


def _data_changed(faulty: bool) -> Callable[..., Any]:
    """Something that autograd cannot see has changed what a node kept."""

    def run(x: torch.Tensor) -> torch.Tensor:
        kept = x * 2
        y = (kept * kept).sum()
        if faulty:
            kept.data.mul_(3)
        return y

    return run


def _lost_duplicates(faulty: bool) -> Callable[..., Any]:
    """A gathered row that is there twice gets one gradient of two."""

    def index(x: torch.Tensor) -> torch.Tensor:
        return torch.tensor([0, 2, 2], device=x.device)

    def backward(g: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        zeros = torch.zeros_like(x)
        return zeros.index_copy(0, index(x), g) if faulty else zeros.index_add(0, index(x), g)

    cls = function("Gathered", lambda x: x.index_select(0, index(x)), backward)
    return lambda x: (cls.apply(x * 1) ** 2).sum()


def _forgotten_mask(faulty: bool) -> Callable[..., Any]:
    class Dropped(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            ctx.mask = (torch.rand_like(x) > 0.5).to(x.dtype) * 2
            return x * ctx.mask

        @staticmethod
        def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
            return g if faulty else g * ctx.mask

    return lambda x: (Dropped.apply(x * 1) ** 2).sum()


def _kept_on_the_class(faulty: bool) -> Callable[..., Any]:
    """What is kept beside ctx is that of the last call."""

    class First(torch.autograd.Function):
        kept: torch.Tensor

        @classmethod
        def forward(cls, ctx: Any, x: torch.Tensor) -> torch.Tensor:
            First.kept = ctx.own = x.detach()
            return x * x

        @classmethod
        def backward(cls, ctx: Any, g: torch.Tensor) -> torch.Tensor:
            return 2 * g * (First.kept if faulty else ctx.own)

    class Second(First):
        pass

    return lambda x: (First.apply(x * 1) + Second.apply(x + 1)).sum()


def _not_given(faulty: bool) -> Callable[..., Any]:
    """The forward uses a tensor that apply() was not given: no edge leads there."""

    def run(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        class Scaled(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: torch.Tensor, given: Any) -> torch.Tensor:
                ctx.save_for_backward(x)
                return x * (w if given is None else given)

            @staticmethod
            def backward(ctx: Any, g: torch.Tensor) -> Any:
                (x,) = ctx.saved_tensors
                return g * w, None if faulty else g * x

        return (Scaled.apply(x * 1, None if faulty else w) + w).sum()

    return run


def single() -> tuple[Any, ...]:
    return (leaf(3, 4),)


SOMEWHERE = [
    Fault("order 2 only", _second_order, single, "SecondOrderBackward", {"order": 2}),
    Fault("order 2, cotangent", _cut_cotangent, single, "CutCotangentBackward", {"order": 2}),
    Fault(
        "float32 only",
        _float32_only,
        lambda: (leaf(3, 4, dtype=torch.float32),),
        "SingleBackward",
    ),
    Fault("7th of 12 blocks", _seventh_block, single, "Block7Backward"),
    Fault("second of two outputs", _two_outputs, single, "TwoOutputsBackward"),
    Fault("one tensor, two arguments", _used_twice, single, "UsedTwiceBackward"),
    Fault(
        "not conjugated",
        _complex,
        lambda: tuple(leaf(3, dtype=torch.complex128) for _ in range(2)),
        "ComplexBackward",
    ),
    Fault("lost duplicates", _lost_duplicates, single, "GatheredBackward"),
    Fault("forgotten mask", _forgotten_mask, single, "DroppedBackward", {"seed": 0}),
    Fault("kept tensor changed", _data_changed, single, "MulBackward0"),
    Fault("kept on the class", _kept_on_the_class, single, "FirstBackward"),
    Fault("not given to apply", _not_given, lambda: (leaf(3, 4), leaf(3, 4)), "ScaledBackward"),
]
"""`make`, inputs, and who is to blame."""

IN_PLACE = Fault("in place", _in_place, single, "_InPlaceWrongBackward")


# ---- faults that only the whole graph shows: every node is right by itself


def _clipped(faulty: bool) -> Callable[..., Any]:
    """Right for small gradients."""
    cls = function("Clipped", lambda x: 2 * x, lambda g, x: 2 * (g.clamp(-10, 10) if faulty else g))
    return lambda x: (cls.apply(x * 1).sin() * 100).sum()


def _changes_its_gradient(faulty: bool) -> Callable[..., Any]:
    """In place, while the other branch is given the same one."""
    cls = function("InPlace", lambda x: 3 * x, lambda g, x: g.mul_(3) if faulty else g * 3)

    def run(x: torch.Tensor) -> torch.Tensor:
        one, other = x.sin(), x.cos()
        return ((one + cls.apply(other)) ** 2).sum()

    return run


WHOLE = [
    Fault("clipped", _clipped, single, "ClippedBackward", found_by="whole"),
    Fault(
        "changes its gradient",
        _changes_its_gradient,
        single,
        "InPlaceBackward",
        found_by="whole",
    ),
]


# ---- faults in the engine


@contextmanager
def patched(op: Any, **vjps: Any) -> Iterator[None]:
    """The engine's rule for an operator replaced by a wrong one."""
    before = engine.RULES[op]
    try:
        engine.rule(op, "wrong", name=before.node.__name__, outputs=before.outputs, **vjps)
        yield
    finally:
        engine.rule(
            op,
            before.formula,
            name=before.node.__name__,
            kernel=before.kernel,
            outputs=before.outputs,
            **before.vjps,
        )


RULES: list[tuple[str, Any, dict[str, Any], Any, str]] = [
    (
        "tanh",
        aten.tanh.default,
        {"self": lambda g, result: g * (1 - result)},
        lambda x: x.tanh().sum(),
        "TanhBackward0",
    ),
    (
        "mul",
        aten.mul.Tensor,
        {"self": lambda g, other: -g * other, "other": lambda g, self: g * self},
        lambda x: (x * x.sin()).sum(),
        "MulBackward0",
    ),
    (
        "exp",
        aten.exp.default,
        {"self": lambda g: g},
        lambda x: x.exp().sum(),
        "ExpBackward0",
    ),
    (
        "sum over a dimension",
        aten.sum.dim_IntList,
        {"self": lambda g, self_sym_sizes, dim: g.unsqueeze(dim[0]).expand(self_sym_sizes) * 0.5},
        lambda x: x.sum(1).sin().sum(),
        "SumBackward1",
    ),
    (
        "sigmoid, at some elements",
        aten.sigmoid.default,
        {"self": lambda g, result: torch.where(result > 0.8, g, g * result * (1 - result))},
        lambda x: (4 * x).sigmoid().sum(),
        "SigmoidBackward0",
    ),
]


def rules() -> Iterator[Fault]:
    """The engine is wrong, and torch is right."""
    for name, op, vjps, program, node in RULES:

        def around(faulty: bool, op: Any = op, vjps: Any = vjps) -> Any:
            return patched(op, **vjps) if faulty else nullcontext()

        yield Fault(
            f"rule: {name}",
            lambda faulty, program=program: program,
            lambda: (leaf(5, 6),),
            node,
            around=around,
        )


FAULTS = [*pairs(), *SOMEWHERE, IN_PLACE, *WHOLE, *rules()]
