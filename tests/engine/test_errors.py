"""The errors people search for have torch's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from graphviz_autograd import engine
from graphviz_autograd.errors import UnsupportedOperator

Program = Callable[[Any], Any]


def leaf(torch: Any, size: int = 3) -> Any:
    return torch.ones(size, requires_grad=True)


def under_no_grad(torch: Any, change: Program) -> Any:
    with torch.no_grad():
        return change(torch)


def changed_result(torch: Any) -> None:
    y = leaf(torch).exp()
    y.add_(1)
    y.sum().backward()


def changed_input(torch: Any) -> None:
    y = leaf(torch) * 2
    z = y * y
    y.add_(1)
    y.mul_(3)
    z.sum().backward()


def changed_constant(torch: Any) -> None:
    w = torch.ones(2, 3, dtype=torch.float64)
    z = leaf(torch) * w
    w.add_(1)
    z.sum().backward()


def changed_leaf(torch: Any) -> None:
    x = leaf(torch)
    z = x * x
    with torch.no_grad():
        x.add_(1)
    z.sum().backward()


def changed_through_a_view(torch: Any) -> None:
    y = leaf(torch) * 2
    z = y * y
    y[0] = 5
    z.sum().backward()


def changed_through_detach(torch: Any) -> None:
    y = leaf(torch).exp()
    y.detach().zero_()
    y.sum().backward()


def view_made_in_no_grad(torch: Any) -> None:
    x = leaf(torch)
    with torch.no_grad():
        y = x.view(3)
    y.add_(1)
    print(y)


def backward_twice(torch: Any) -> None:
    y = (leaf(torch) * 2).sum()
    y.backward()
    y.backward()


def backward_of_two_roots_through_one_graph(torch: Any) -> None:
    shared = leaf(torch).exp()
    shared.sum().backward()
    (shared * 2).sum().backward()


def grad_after_backward(torch: Any) -> None:
    x = leaf(torch)
    y = x.sin().sum()
    y.backward()
    torch.autograd.grad(y, x)


def saved_after_backward(torch: Any) -> None:
    y = leaf(torch).exp()
    y.sum().backward()
    print(y.grad_fn._saved_result)


ONE_LINERS: dict[str, Program] = {
    "no scalar": lambda torch: (leaf(torch) * 2).backward(),
    "no graph": lambda torch: torch.ones(3).sum().backward(),
    "no graph, no scalar": lambda torch: torch.ones(3).backward(),
    "no graph in a list": lambda torch: torch.autograd.backward([leaf(torch).sum(), torch.ones(1)]),
    "no real scalar": lambda torch: (leaf(torch) * 1j).sum().backward(),
    "gradient of another shape": lambda torch: (leaf(torch) * 2).backward(torch.ones(2)),
    "gradient no tensor": lambda torch: (leaf(torch) * 2).backward([1.0, 1, 1]),
    "gradients too few": lambda torch: torch.autograd.backward(
        [leaf(torch), leaf(torch)], [torch.ones(3)]
    ),
    "no inputs": lambda torch: leaf(torch).sum().backward(inputs=[]),
    "an input not used": lambda torch: torch.autograd.grad(leaf(torch).sum(), [leaf(torch)]),
    "an input without grad": lambda torch: torch.autograd.grad(leaf(torch).sum(), torch.ones(3)),
    "materialize without allow": lambda torch: torch.autograd.grad(
        leaf(torch).sum(), leaf(torch), materialize_grads=True, allow_unused=False
    ),
    "leaf in place": lambda torch: leaf(torch).add_(1),
    "leaf in place by index": lambda torch: leaf(torch).__setitem__(0, 1),
    "view of a leaf in place": lambda torch: leaf(torch).view(3).add_(1),
    "the only one of views in place": lambda torch: (leaf(torch) * 2).split(3)[0].add_(1),
    "one of several views in place": lambda torch: (leaf(torch) * 2).unbind()[0].add_(1),
    "integers, method": lambda torch: torch.ones(3, dtype=torch.int64).requires_grad_(),
    "integers, attribute": lambda torch: setattr(torch.arange(3), "requires_grad", True),
    "integers, made so": lambda torch: torch.arange(3, requires_grad=True),
    "integers, tensor": lambda torch: torch.tensor([1], requires_grad=True),
    "no leaf, method": lambda torch: (leaf(torch) * 2).requires_grad_(False),
    "no leaf, attribute": lambda torch: setattr(leaf(torch) * 2, "requires_grad", False),
    "no leaf, switched on": lambda torch: setattr(leaf(torch) * 2, "requires_grad", True),
    "retain_grad of a constant": lambda torch: torch.ones(3).retain_grad(),
    "hook on a constant": lambda torch: torch.ones(3).register_hook(print),
    "numpy": lambda torch: leaf(torch).numpy(),
    "grad of another shape": lambda torch: setattr(leaf(torch), "grad", torch.ones(2)),
    "grad no tensor": lambda torch: setattr(leaf(torch), "grad", 1),
    "bool of many": lambda torch: bool(torch.ones(3)),
    "item of many": lambda torch: torch.ones(3).item(),
    "length of none": lambda torch: len(torch.tensor(1.0)),
    "iteration over none": lambda torch: list(torch.tensor(1.0)),
    "format of many": lambda torch: f"{torch.ones(3):.2f}",
    "no such attribute": lambda torch: leaf(torch).colour,
    "shapes that do not fit": lambda torch: leaf(torch) + torch.ones(2),
    "matrices that do not fit": lambda torch: torch.ones(2, 3) @ torch.ones(2, 3),
    "integers cannot hold it": lambda torch: torch.arange(3).add_(leaf(torch)),
    "hook of another shape": lambda torch: _hooked(torch, lambda grad: torch.ones(2)),
    "hook no tensor": lambda torch: _hooked(torch, lambda grad: 1.0),
}


def _hooked(torch: Any, hook: Any) -> None:
    x = leaf(torch)
    x.register_hook(hook)
    (x * 2).sum().backward()


@pytest.mark.parametrize("program", ONE_LINERS.values(), ids=ONE_LINERS.keys())
def test_a_mistake_gets_the_words_torch_has_for_it(program: Program, same_lines: Any) -> None:
    assert "Error: " in same_lines(program)[-1]


@pytest.mark.parametrize(
    "program",
    [
        changed_result,
        changed_input,
        changed_constant,
        changed_leaf,
        changed_through_a_view,
        changed_through_detach,
        view_made_in_no_grad,
        backward_twice,
        backward_of_two_roots_through_one_graph,
        grad_after_backward,
        saved_after_backward,
    ],
    ids=lambda program: program.__name__,
)
def test_a_graph_that_is_not_what_it_was_gets_the_words_torch_has(
    program: Program, same_lines: Any
) -> None:
    assert "Error: " in same_lines(program)[-1]


def test_a_tensor_with_a_gradient_is_refused_as_a_number() -> None:
    x = engine.tensor(1.0, requires_grad=True)
    with pytest.raises(TypeError, match="one of the numbers is a tensor that requires grad"):
        engine.tensor([x, 2.0])
    assert repr(engine.tensor([x.detach(), 2.0])) == "tensor([1., 2.])"


def test_a_gradient_that_would_be_lost_in_a_plain_tensor_is_refused() -> None:
    import torch

    plain = torch.zeros(3)
    x = engine.ones(3, requires_grad=True)
    with pytest.raises(UnsupportedOperator, match="its gradient would be lost"):
        plain.add_(x)
    plain.add_(x.detach())
    assert plain.tolist() == [1.0, 1.0, 1.0]


def test_batched_gradients_are_refused_clearly() -> None:
    x = engine.ones(3, requires_grad=True)
    with pytest.raises(NotImplementedError, match="is_grads_batched"):
        engine.autograd.grad(x * 2, x, engine.eye(3), is_grads_batched=True)


def test_an_operator_without_a_rule_is_named() -> None:
    from graphviz_autograd.engine.table import RULES, forget, rule

    x = engine.rand(3, requires_grad=True)
    op = engine.ops.aten.sinh.default
    kept = RULES[op]
    forget(op)
    try:
        with pytest.raises(UnsupportedOperator, match="aten.sinh.default"):
            engine.sinh(x)
    finally:
        rule(op, kept.formula, **kept.vjps)
    engine.sinh(x).sum().backward()
    assert x.grad is not None


def test_a_sparse_tensor_in_a_torch_function_is_refused_clearly() -> None:
    x = engine.Tensor(torch.eye(3).to_sparse(), requires_grad=True)
    with pytest.raises(UnsupportedOperator, match="strided tensors only, not .*sparse_coo"):
        engine.sinh(x)
