"""autograd.Function runs its author's forward and backward as torch does."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from graphviz_autograd import engine

Program = Callable[[Any], Any]


def define(torch: Any, forward: Any, backward: Any) -> Any:
    """A Function called Own with these two methods."""
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("Own", (torch.autograd.Function,), methods)


def keep_result(ctx: Any, x: Any) -> Any:
    result = x.exp()
    ctx.save_for_backward(result)
    return result


def multiply(ctx: Any, grad: Any) -> Any:
    (result,) = ctx.saved_tensors
    return grad * result


def saved(torch: Any) -> None:
    own = define(torch, keep_result, multiply)
    x = torch.ones(2, requires_grad=True)
    y = own.apply(x)
    print(y, y.grad_fn.name(), y.grad_fn.saved_tensors, y.is_leaf)
    print(torch.autograd.grad(y.sum(), x, retain_graph=True))
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    print(first, torch.autograd.grad(first.sum(), x))
    y.sum().backward()
    print(x.grad)
    y.sum().backward()


def changed_since(torch: Any) -> None:
    y = define(torch, keep_result, multiply).apply(torch.ones(2, requires_grad=True))
    y.add_(1)
    y.sum().backward()


def what_the_methods_see(torch: Any) -> None:
    def forward(ctx: Any, x: Any, k: Any, plain: Any) -> Any:
        print(x, k, plain, torch.is_grad_enabled(), ctx.needs_input_grad)
        ctx.k = k
        ctx.save_for_backward(x, plain, None)
        return x * k

    def backward(ctx: Any, grad: Any) -> Any:
        print(grad, torch.is_grad_enabled(), ctx.needs_input_grad, ctx.saved_tensors)
        return grad * ctx.k, None, None

    own = define(torch, forward, backward)
    x = torch.ones(2, requires_grad=True)
    y = own.apply(x, 3, torch.zeros(1))
    y.sum().backward()
    print(x.grad, y.grad_fn.k)
    print(own.apply(x.detach(), 3, torch.zeros(1)))
    with torch.no_grad():
        print(own.apply(x, 3, torch.zeros(1)))


def several_outputs(torch: Any) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        values, places = x.sort()
        half = x * 0.5
        ctx.mark_non_differentiable(places, half)
        ctx.save_for_backward(places)
        return values, places, half, "text", None, x * 3

    def backward(ctx: Any, *grads: Any) -> Any:
        print(grads)
        (places,) = ctx.saved_tensors
        return torch.zeros_like(grads[0]).index_add(0, places, grads[0]) + 3 * grads[-1]

    x = torch.tensor([2.0, 3.0, 1.0], requires_grad=True)
    out = define(torch, forward, backward).apply(x)
    print(out)
    (out[0] * torch.arange(3.0)).sum().backward()
    print(x.grad)


def without_materialized_grads(torch: Any) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    def backward(ctx: Any, a: Any, b: Any) -> Any:
        print(a, b)
        return a * 2

    x = torch.ones(2, requires_grad=True)
    define(torch, forward, backward).apply(x)[0].sum().backward()
    print(x.grad)


def once(torch: Any) -> None:
    backward = torch.autograd.function.once_differentiable(lambda ctx, grad: grad * 2)
    own = define(torch, lambda ctx, x: x * x, backward)
    x = torch.ones(2, requires_grad=True)
    y = own.apply(x)
    print(torch.autograd.grad(y.sum(), x, retain_graph=True))
    (first,) = torch.autograd.grad((y * y).sum(), x, create_graph=True)
    first.sum().backward()


def an_input_returned(torch: Any) -> None:
    own = define(torch, lambda ctx, x: x, lambda ctx, grad: grad * 3)
    x = torch.ones(2, requires_grad=True)
    y = own.apply(x)
    print(y is x, y)
    y.sum().backward()
    print(x.grad)
    y.add_(1)


def an_input_changed(torch: Any) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.mark_dirty(x)
        return x.mul_(2)

    own = define(torch, forward, lambda ctx, grad: grad * 2)
    x = torch.ones(2, requires_grad=True)
    y = x * 5
    z = own.apply(y)
    print(z is y, y)
    z.sum().backward()
    print(x.grad)
    own.apply(x)


def apart_from_its_context(torch: Any) -> None:
    class Power(torch.autograd.Function):  # type: ignore[name-defined,misc]
        @staticmethod
        def forward(x: Any, k: int = 2) -> Any:
            return x**k

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            print(inputs, output)
            ctx.save_for_backward(inputs[0])
            ctx.k = inputs[1]

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            return grad * ctx.k * x ** (ctx.k - 1), None

    x = torch.full((2,), 3.0, requires_grad=True)
    print(Power.apply(x), Power.apply(x, k=3))
    Power.apply(x, 3).sum().backward()
    print(x.grad)


def as_the_user_wrote_it(torch: Any) -> None:
    straight_through = define(torch, lambda ctx, x: x.round(), lambda ctx, grad: grad)
    x = torch.tensor([0.2, 1.7], requires_grad=True)
    y = straight_through.apply(x * 2)
    (y * y).sum().backward()
    print(y, x.grad)


def nested(torch: Any) -> None:
    inner = define(torch, keep_result, multiply)
    outer = define(torch, lambda ctx, x: inner.apply(x) * 2, lambda ctx, grad: grad * 7)
    x = torch.ones(2, requires_grad=True)
    outer.apply(x).sum().backward()
    print(x.grad)


def gradients_inside(torch: Any) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x.sin()

    def backward(ctx: Any, grad: Any) -> Any:
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            again = x.detach().requires_grad_()
            y = again.sin()
        return torch.autograd.grad(y, again, grad)

    x = torch.ones(2, requires_grad=True)
    define(torch, forward, backward).apply(x).sum().backward()
    print(x.grad)


def broadcast_gradient(torch: Any) -> None:
    own = define(torch, lambda ctx, x: x * torch.ones(3, 2), lambda ctx, grad: grad)
    x = torch.ones(2, requires_grad=True)
    own.apply(x).sum().backward()
    print(x.grad)


BACKWARDS: dict[str, Any] = {
    "too few": lambda ctx, grad: grad,
    "too many": lambda ctx, grad: (grad, grad, grad),
    "trailing nothing": lambda ctx, grad: (grad, None, None, None),
    "no tensor": lambda ctx, grad: (1.0, None),
    "another shape": lambda ctx, grad: (grad.new_ones(5), None),
    "none": lambda ctx, grad: (None, None),
    "another dtype": lambda ctx, grad: (grad.double(), None),
}


@pytest.mark.parametrize("backward", BACKWARDS.values(), ids=BACKWARDS.keys())
def test_what_backward_returns_is_checked_as_torch_does(backward: Any, same_lines: Any) -> None:
    def program(torch: Any) -> None:
        own = define(torch, lambda ctx, x, k: x * k, backward)
        x = torch.ones(3, requires_grad=True)
        own.apply(x, 2).sum().backward()
        print(x.grad)

    same_lines(program)


def saves_no_tensor(torch: Any) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(3)
        return x * 3

    define(torch, forward, multiply).apply(torch.ones(2, requires_grad=True))


def no_backward(torch: Any) -> None:
    own = type("Own", (torch.autograd.Function,), {"forward": staticmethod(lambda ctx, x: x * 2)})
    own.apply(torch.ones(2, requires_grad=True)).sum().backward()


def no_forward(torch: Any) -> None:
    type("Own", (torch.autograd.Function,), {}).apply(torch.ones(2))


@pytest.mark.parametrize(
    "program",
    [
        saved,
        changed_since,
        what_the_methods_see,
        several_outputs,
        without_materialized_grads,
        once,
        an_input_returned,
        an_input_changed,
        apart_from_its_context,
        as_the_user_wrote_it,
        nested,
        gradients_inside,
        broadcast_gradient,
        saves_no_tensor,
        no_backward,
        no_forward,
    ],
    ids=lambda program: program.__name__,
)
def test_a_custom_function_prints_the_same_lines_on_both_engines(
    program: Program, same_lines: Any
) -> None:
    same_lines(program)


def test_a_result_that_was_saved_does_not_keep_its_graph_alive() -> None:
    y = define(engine, keep_result, multiply).apply(engine.ones(2, requires_grad=True))
    node = weakref.ref(y.grad_fn)
    gc.disable()
    try:
        del y
        assert node() is None
    finally:
        gc.enable()
