"""Changes in place and views give torch's gradients, graphs, versions and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Program = Callable[[Any], Any]


def changed_in_place(torch: Any) -> None:
    x = torch.arange(4.0, requires_grad=True)
    y = x * 2
    y.add_(1)
    y *= 3
    y.sin_()
    print(y, y._version, y.grad_fn.name())
    y.sum().backward()
    print(x.grad)


def changed_before_it_requires_grad(torch: Any) -> None:
    a = torch.zeros(3)
    w = torch.ones(3, requires_grad=True)
    a += w
    a[0] = 5
    print(a, a.is_leaf, a._version)
    (a * a).sum().backward()
    print(w.grad)


def a_part_changed(torch: Any) -> None:
    x = torch.arange(6.0, requires_grad=True)
    y = x * 1
    y[1:3] = y[1:3] * 5
    y[0] = 7
    y[y > 4] *= 2
    print(y)
    (y * torch.arange(6.0)).sum().backward()
    print(x.grad)


def views_follow_their_base(torch: Any) -> None:
    x = torch.arange(6.0, requires_grad=True)
    y = x * 1
    row = y.view(2, 3)[1]
    corner = row[:2]
    y.mul_(2)
    print(row, corner, row._version, row.grad_fn.name())
    (row.sum() + (corner * corner).sum()).backward()
    print(x.grad)


def a_base_follows_its_views(torch: Any) -> None:
    x = torch.arange(6.0, requires_grad=True)
    y = x * 1
    turned = y.view(2, 3).t()
    turned[0].mul_(10)
    turned.add_(1)
    print(y, y.grad_fn.name(), turned._version, y._version)
    (y * y).sum().backward()
    print(x.grad)


def siblings(torch: Any) -> None:
    x = torch.arange(6.0, requires_grad=True)
    y = x * 1
    a, b = y[:4], y[2:]
    a.mul_(3)
    print(b, b.grad_fn.name())
    b.exp_()
    print(a, a.grad_fn.name())
    (a.sum() * 2 + b.sum()).backward()
    print(x.grad)


def other_tensors_written_in(torch: Any) -> None:
    w = torch.ones(3, requires_grad=True)
    table = torch.zeros(2, 3)
    table[0] = w * 2
    table[1].copy_(w * 5)
    print(table, table.requires_grad)
    (table * table).sum().backward()
    print(w.grad)


def broadcast_into_a_part(torch: Any) -> None:
    w = torch.tensor(2.0, requires_grad=True)
    x = torch.ones(2, 3, requires_grad=True)
    y = x * 1
    y[:, 1:] = w
    y[0] += w
    y.sum().backward()
    print(w.grad, x.grad)


def an_empty_part(torch: Any) -> None:
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    y[3:] = 1
    y[:0].mul_(5)
    y.sum().backward()
    print(x.grad, y)


def activations_in_place(torch: Any) -> None:
    x = torch.linspace(-1, 1, 5, requires_grad=True)
    y = torch.relu_(x * 2)
    z = torch.nn.functional.relu(x * 3, inplace=True)
    (y * z).sum().backward()
    print(y, z, x.grad)


def in_no_grad(torch: Any) -> None:
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    with torch.no_grad():
        y.add_(1)
        x.mul_(2)
        x[0] = 9
    print(x, y, x._version, y._version)
    y.sum().backward()
    print(x.grad)


def versions(torch: Any) -> None:
    x = torch.ones(4)
    v = x.view(2, 2)
    d = x.detach()
    print(x._version, v._version, d._version)
    x.add_(1)
    v.mul_(2)
    d[0] = 3
    print(x._version, v._version, d._version, x.clone()._version, x.data._version)


def several_orders(torch: Any) -> None:
    x = torch.arange(1.0, 4.0, requires_grad=True)
    y = x * x
    y[1] = y[0].clone() * y[2].clone()
    y.mul_(x)
    (first,) = torch.autograd.grad((y * y).sum(), x, create_graph=True)
    print(first)
    (second,) = torch.autograd.grad((first * torch.arange(3.0)).sum(), x)
    print(second)


def a_view_of_a_constant(torch: Any) -> None:
    base = torch.zeros(4)
    part = base[1:3]
    w = torch.ones(2, requires_grad=True)
    part.add_(w)
    print(base, part)
    (base * base).sum().backward()
    print(w.grad)


@pytest.mark.parametrize(
    "program",
    [
        changed_in_place,
        changed_before_it_requires_grad,
        a_part_changed,
        views_follow_their_base,
        a_base_follows_its_views,
        siblings,
        other_tensors_written_in,
        broadcast_into_a_part,
        an_empty_part,
        activations_in_place,
        in_no_grad,
        versions,
        several_orders,
        a_view_of_a_constant,
    ],
    ids=lambda program: program.__name__,
)
def test_a_program_prints_the_same_lines_on_both_engines(program: Program, same_lines: Any) -> None:
    same_lines(program)


def test_a_strided_view_may_change_in_place_before_gradients_of_gradients(same_lines):
    def program(torch):
        x = torch.arange(6.0, dtype=torch.float64).requires_grad_()
        y = x * 1.0
        part = y.as_strided((2, 2), (2, 1), 1)
        triple = part * 3
        part.sin_()
        out = (y * y).sum() + triple.sum()
        (g,) = torch.autograd.grad(out, x, create_graph=True)
        print(g)
        print(torch.autograd.grad((g * g).sum(), x)[0])

    same_lines(program)
