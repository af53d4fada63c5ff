"""Programs that use the calls of the autograd lessons print the same lines on both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Lesson = Callable[[Any], None]


def dot_product(torch: Any) -> None:
    x = torch.arange(5.0)
    print(x)
    x.requires_grad_(True)
    print(x, x.grad)
    y = 3 * torch.dot(x, x)
    print(y)
    y.backward()
    print(x.grad, x.grad == 6 * x)
    x.grad.zero_()
    y = x.sum()
    y.backward()
    print(y, x.grad, len(x))


def made_with_requires_grad(torch: Any) -> None:
    x = torch.arange(3.0, requires_grad=True)
    y = x * x
    print(y, x)
    y.backward(gradient=torch.ones(len(y)))
    print(x.grad)
    x.grad.zero_()
    (x * x).sum().backward()
    print(x.grad)


def a_part_taken_as_constant(torch: Any) -> None:
    x = torch.arange(4.0, requires_grad=True)
    y = x * x
    u = y.detach()
    z = u * x
    z.sum().backward()
    print(u, x.grad == u)
    x.grad.zero_()
    y.sum().backward()
    print(x.grad == 2 * x, u.requires_grad, u.is_leaf)


def control_flow(torch: Any) -> None:
    def f(a: Any) -> Any:
        b = a * 2
        while b.norm() < 1000:
            b = b * 2
        return b if b.sum() > 0 else 100 * b

    a = torch.randn(size=(), requires_grad=True)
    d = f(a)
    d.backward()
    print(a, d, a.grad, a.grad == d / a)
    v = torch.randn(3, requires_grad=True)
    w = f(v)
    w.sum().backward()
    print(v.grad)


def first_tutorial(torch: Any) -> None:
    x = torch.ones(2, 2, requires_grad=True)
    y = x + 2
    print(x, y, y.grad_fn)
    z = y * y * 3
    out = z.mean()
    print(z, out)
    out.backward()
    print(x.grad)
    a = torch.randn(2, 2)
    a = (a * 3) / (a - 1)
    print(a.requires_grad)
    a.requires_grad_(True)
    print(a.requires_grad, (a * a).sum().grad_fn)


def vector_jacobian_product(torch: Any) -> None:
    x = torch.randn(3, requires_grad=True)
    y = x * 2
    while y.data.norm() < 1000:
        y = y * 2
    print(y)
    v = torch.tensor([0.1, 1.0, 0.0001], dtype=torch.float)
    y.backward(v)
    print(x.grad)
    print(x.requires_grad, (x**2).requires_grad)
    with torch.no_grad():
        print((x**2).requires_grad)
    z = x.detach()
    print(z.requires_grad, x.eq(z).all())


def linear_regression(torch: Any) -> None:
    x = torch.randn(20, 3)
    w, b = torch.zeros(3, requires_grad=True), torch.zeros(1, requires_grad=True)
    target = x @ torch.tensor([1.0, -2.0, 3.0]) + 0.5
    for _ in range(5):
        loss = ((x @ w + b - target) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
            b -= 0.1 * b.grad
            w.grad.zero_()
            b.grad.zero_()
        print(f"{loss.item():.4f}", loss)
    print(w, b, w.is_leaf)


def a_loss_added_up(torch: Any) -> None:
    w = torch.rand(3, requires_grad=True)
    loss = 0
    for row in torch.rand(4, 3):
        loss += (row * w).sum().pow(2)
    loss.backward()
    print(loss, w.grad)


def a_leaf_changed_in_place(torch: Any) -> None:
    b = torch.ones(2, requires_grad=True)
    (b * 3).sum().backward()
    b -= 0.1 * b.grad


def data_changed_by_hand(torch: Any) -> None:
    w = torch.rand(3, requires_grad=True)
    for _ in range(3):
        (w * w).sum().backward()
        w.data -= 0.1 * w.grad.data
        w.grad.data.zero_()
    print(w, w.grad)
    w.data = w.data - 0.1
    w.data.mul_(2)
    print(w, w.data, w.data.requires_grad)
    (w * w).sum().backward()
    print(w.grad)


def data_goes_unnoticed(torch: Any) -> None:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    out = a.sigmoid()
    out.data.zero_()
    out.sum().backward()
    print(out, a.grad)


def detached_is_noticed(torch: Any) -> None:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    out = a.sigmoid()
    out.detach().zero_()
    out.sum().backward()


def cubed(torch: Any) -> None:
    x = torch.tensor(2.0, requires_grad=True)
    y = x**3
    y.backward(retain_graph=True)
    print(x.grad)
    y.backward()
    print(x.grad, x.grad.item())


def second_derivative(torch: Any) -> None:
    x = torch.tensor(3.0, requires_grad=True)
    y = x**3
    (first,) = torch.autograd.grad(y, x, create_graph=True)
    (second,) = torch.autograd.grad(first, x, create_graph=True)
    (third,) = torch.autograd.grad(second, x)
    print(y, first, second, third, x.grad)
    print(y.item(), first.item(), second.item(), third.item())


def manual_gradients(torch: Any) -> None:
    x = torch.rand(4, 2)
    w = torch.rand(2, 3)
    y = x.mm(w)
    loss = (y - 1).pow(2).sum()
    by_hand = x.t().mm(2.0 * (y - 1))
    w.requires_grad = True
    (x.mm(w) - 1).pow(2).sum().backward()
    print(loss.item(), by_hand, w.grad, torch.allclose(by_hand, w.grad))


def two_layers(torch: Any) -> None:
    x, y = torch.randn(8, 4), torch.randn(8, 2)
    w1 = torch.randn(4, 5, requires_grad=True)
    w2 = torch.randn(5, 2, requires_grad=True)
    for _ in range(3):
        loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
        print(loss)
        loss.backward()
        with torch.no_grad():
            w1 -= 1e-3 * w1.grad
            w2 -= 1e-3 * w2.grad
        w1.grad, w2.grad = None, None


def polynomial(torch: Any) -> None:
    dtype, device = torch.float, torch.device("cpu")
    x = torch.linspace(-3, 3, 50, device=device, dtype=dtype)
    y = torch.sin(x)
    a = torch.full((), 0.1, device=device, dtype=dtype, requires_grad=True)
    b = torch.full((), 0.2, device=device, dtype=dtype, requires_grad=True)
    for _ in range(3):
        loss = (a + b * x - y).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            a -= 1e-3 * a.grad
            b -= 1e-3 * b.grad
            a.grad = None
            b.grad = None
    print(f"Result: y = {a.item()} + {b.item()} x", a, b)


def own_function(torch: Any) -> None:
    class Legendre(torch.autograd.Function):  # type: ignore[name-defined,misc]
        @staticmethod
        def forward(ctx: Any, input: Any) -> Any:
            ctx.save_for_backward(input)
            return 0.5 * (5 * input**3 - 3 * input)

        @staticmethod
        def backward(ctx: Any, grad_output: Any) -> Any:
            (input,) = ctx.saved_tensors
            return grad_output * 1.5 * (5 * input**2 - 1)

    x = torch.linspace(-1, 1, 5, requires_grad=True)
    y = Legendre.apply(x)
    print(y, y.grad_fn)
    y.sum().backward()
    print(x.grad)
    (first,) = torch.autograd.grad(Legendre.apply(x).sum(), x, create_graph=True)
    print(torch.autograd.grad(first.sum(), x))


def the_graph_itself(torch: Any) -> None:
    a = torch.tensor([2.0, 3.0], requires_grad=True)
    b = torch.tensor([6.0, 4.0], requires_grad=True)
    q = 3 * a**3 - b**2
    print(q, q.grad_fn, q.grad_fn.next_functions[0][0], a.is_leaf, q.is_leaf)
    q.backward(gradient=torch.tensor([1.0, 1.0]))
    print(9 * a**2 == a.grad, -2 * b == b.grad)
    print(q.grad_fn.next_functions[1][0].name(), q.requires_grad)


def a_logistic_step(torch: Any) -> None:
    x = torch.ones(5)
    y = torch.zeros(3)
    w = torch.randn(5, 3, requires_grad=True)
    b = torch.randn(3, requires_grad=True)
    z = torch.matmul(x, w) + b
    loss = torch.nn.functional.binary_cross_entropy_with_logits(z, y)
    print(z, loss, z.grad_fn.name())
    loss.backward()
    print(w.grad, b.grad)
    inp = torch.eye(4, 5, requires_grad=True)
    out = (inp + 1).pow(2).t()
    out.backward(torch.ones_like(out), retain_graph=True)
    out.backward(torch.ones_like(out), retain_graph=True)
    print(inp.grad)


def printed(torch: Any) -> None:
    x = torch.randn(30, requires_grad=True)
    print(x)
    print(x * 2)
    print((x * 2).view(5, 6))
    print(x.double(), x.half())
    print(torch.ones(0, requires_grad=True), torch.ones(0, 3, requires_grad=True) * 2)
    print(torch.tensor(3.0, dtype=torch.float64, requires_grad=True))
    print(torch.randn(2000, requires_grad=True) * 2)
    print(torch.tensor([True, False]), torch.tensor([1, 2]), torch.arange(3))
    print(f"{x[0]:.3f} {x.shape} {x.dtype} {x.size()} {x.size(0)} {x.dim()} {x.numel()}")
    print([f"{v:.2f}" for v in x[:3]], x[1].item(), x[:2].tolist(), float(x[0]), len(x))


def made_in_every_way(torch: Any) -> None:
    torch.manual_seed(7)
    made = [
        torch.rand(2),
        torch.randn(2, dtype=torch.float64),
        torch.randint(0, 9, (3,)),
        torch.randperm(4),
        torch.zeros(2, device="cpu"),
        torch.full((2,), 3.0, requires_grad=True),
        torch.eye(2, requires_grad=True),
        torch.linspace(0, 1, 3, requires_grad=True),
        torch.logspace(0, 1, 3, dtype=torch.float64, requires_grad=True),
        torch.normal(0.0, 1.0, size=(2,), requires_grad=True),
        torch.tensor([1.0, 2.0], requires_grad=True, dtype=torch.float16),
        torch.rand(2, generator=torch.Generator().manual_seed(3)),
    ]
    made += [torch.zeros_like(made[5]), torch.ones_like(made[5], requires_grad=True)]
    made += [torch.rand_like(made[0]), torch.tensor([[1, 2], [3, 4]], dtype=torch.float32)]
    for tensor in made:
        print(tensor, tensor.dtype, tensor.device, tensor.requires_grad, tensor.is_leaf)
    print(torch.is_tensor(made[0]), isinstance(made[0], torch.Tensor), torch.cuda.is_available())


LESSONS: list[Lesson] = [
    dot_product,
    made_with_requires_grad,
    a_part_taken_as_constant,
    control_flow,
    first_tutorial,
    vector_jacobian_product,
    linear_regression,
    a_loss_added_up,
    a_leaf_changed_in_place,
    data_changed_by_hand,
    data_goes_unnoticed,
    detached_is_noticed,
    cubed,
    second_derivative,
    manual_gradients,
    two_layers,
    polynomial,
    own_function,
    the_graph_itself,
    a_logistic_step,
    printed,
    made_in_every_way,
]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.__name__)
def test_a_lesson_prints_the_same_lines_on_both_engines(lesson: Lesson, same_lines: Any) -> None:
    same_lines(lesson)
