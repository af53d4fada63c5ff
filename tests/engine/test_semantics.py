"""What tensors, hooks, modes and gradients do is what torch's do."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch as plain_torch

from graphviz_autograd import engine

Program = Callable[[Any], Any]


def leaves(torch: Any) -> None:
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    for t in (x, y, y.detach(), torch.ones(2), torch.ones(2) + 1, x.double(), x.clone()):
        print(t.is_leaf, t.requires_grad, t.grad_fn is None, t.output_nr)
    y.detach_()
    print(y, y.is_leaf)
    y.requires_grad_()
    print(y, (y * 3).sum().grad_fn.next_functions[0][0].next_functions)
    print(x.requires_grad_(False), x.requires_grad)


def retained(torch: Any) -> None:
    x = torch.ones(2, requires_grad=True)
    y = x * 3
    z = y * y
    print(y.retains_grad)
    y.retain_grad()
    y.retain_grad()
    x.retain_grad()
    y.register_hook(lambda grad: grad * 10)
    print(y.retains_grad, x.retains_grad, y.grad)
    z.sum().backward()
    print(y.grad, x.grad, z.grad)


def retained_and_changed(torch: Any) -> None:
    x = torch.ones(3, requires_grad=True)
    y = x * 3
    y.retain_grad()
    y.mul_(2)
    (y * torch.arange(3.0)).sum().backward()
    print(y.grad, x.grad, y.retains_grad)


def hooks(torch: Any) -> None:
    x = torch.ones(2, requires_grad=True)
    x.register_hook(lambda grad: print("leaf", grad))
    y = x * 2
    handle = y.register_hook(lambda grad: grad * 2)
    y.register_hook(lambda grad: print("second", grad))
    y.sum().backward(retain_graph=True)
    handle.remove()
    handle.remove()
    y.sum().backward()
    print(x.grad)


def hook_that_removes_itself(torch: Any) -> None:
    x = torch.ones(2, requires_grad=True)

    def once(grad: Any) -> None:
        print("once", grad)
        handle.remove()

    handle = x.register_hook(once)
    for _ in range(2):
        (x * 2).sum().backward()
    print(x.grad)


def hooks_of_nodes(torch: Any) -> None:
    x = torch.ones(2, requires_grad=True)
    y = x.exp()
    y.grad_fn.register_hook(lambda inputs, outputs: print(inputs, outputs))
    y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * 0 + 7,))
    y.sum().backward()
    print(x.grad)


def hooks_see_the_whole_gradient(torch: Any) -> None:
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    y.register_hook(lambda grad: print(grad))
    (y.sum() + (y * y).sum() + y[0] * 5).backward()


def modes(torch: Any) -> None:
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        print(torch.is_grad_enabled(), (x * 2).requires_grad)
        with torch.enable_grad():
            print(torch.is_grad_enabled(), (x * 2).requires_grad)
        with torch.set_grad_enabled(True):
            print((x * 2).requires_grad)
        print(torch.is_grad_enabled(), torch.ones(2, requires_grad=True).requires_grad)
    previous = torch.set_grad_enabled(False)
    print(torch.is_grad_enabled(), (x * 2).requires_grad, type(previous).__name__)
    torch.set_grad_enabled(True)

    @torch.no_grad()
    def double(t: Any) -> Any:
        return t * 2

    @torch.enable_grad()
    def triple(t: Any) -> Any:
        return t * 3

    @torch.set_grad_enabled(False)
    def quadruple(t: Any) -> Any:
        return t * 4

    print(double(x), triple(x), quadruple(x), torch.is_grad_enabled())
    with torch.no_grad():
        print(triple(x))
    try:
        with torch.no_grad():
            raise ValueError
    except ValueError:
        print(torch.is_grad_enabled())


def bare_decorators(torch: Any) -> None:
    @torch.no_grad
    def double(t: Any) -> Any:
        return t * 2

    print(double(torch.ones(2, requires_grad=True)), double.__name__)


def generators_without_grad(torch: Any) -> None:
    x = torch.ones(2, requires_grad=True)

    @torch.no_grad()
    def doubles() -> Any:
        for _ in range(2):
            yield x * 2

    for y in doubles():
        print(y, torch.is_grad_enabled(), x * 3)


def inference(torch: Any) -> None:
    x = torch.ones(2, requires_grad=True)
    with torch.inference_mode(mode=False):
        print((x * 2).requires_grad)
    with torch.inference_mode():
        print((x * 2).requires_grad)
    with torch.inference_mode(False):
        print((x * 2).requires_grad)


def gradients(torch: Any) -> None:
    x = torch.ones(2, requires_grad=True)
    w = torch.ones(2, requires_grad=True)
    y = x * w
    grad = torch.autograd.grad
    print(grad(y, x, torch.ones(2), retain_graph=True))
    print(grad(y, (x, w), grad_outputs=[torch.arange(2.0)], retain_graph=True))
    print(grad([y, x], [x, w], [torch.ones(2), torch.ones(2)], retain_graph=True))
    other = torch.ones(3, requires_grad=True)
    print(grad(y.sum(), [x, other], allow_unused=True, retain_graph=True))
    print(grad(y.sum(), [x, other], materialize_grads=True, retain_graph=True))
    print(grad(x.sum(), x), grad(y.sum(), y, retain_graph=True), grad(x, x, torch.ones(2)))
    z = y * 2
    print(grad(z.sum(), [y, x], retain_graph=True), x.grad, w.grad)
    torch.autograd.backward([z.sum(), y.sum()])
    print(x.grad, w.grad)


def only_some_inputs(torch: Any) -> None:
    x = torch.ones(2, requires_grad=True)
    w = torch.ones(2, requires_grad=True)
    y = x * w
    z = y * 2
    z.sum().backward(inputs=[x], retain_graph=True)
    print(x.grad, w.grad)
    z.sum().backward(inputs=[y, w])
    print(x.grad, w.grad)
    y.retain_grad()
    print(y.grad)


def only_what_is_needed_runs(torch: Any) -> None:
    x = torch.ones(2, requires_grad=True)
    w = torch.ones(2, requires_grad=True)
    a, b = x * 2, w * 3
    a.register_hook(lambda grad: print("a"))
    b.register_hook(lambda grad: print("b"))
    c = a * b
    print(torch.autograd.grad(c.sum(), x, retain_graph=True))
    print(torch.autograd.grad(c.sum(), a, retain_graph=True))


def kept_for_higher_orders(torch: Any) -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = (x**3).sum()
    y.backward(create_graph=True)
    print(x.grad)
    g = x.grad
    x.grad = None
    g.sum().backward()
    print(x.grad)


def added_up(torch: Any) -> None:
    x = torch.ones(2, requires_grad=True)
    x.sum().backward()
    first = x.grad
    (x * 2).sum().backward()
    print(x.grad, first is x.grad, x.grad.requires_grad)
    x.grad = None
    print(x.grad)
    x.grad = torch.ones(2) * 5
    x.sum().backward()
    print(x.grad)
    x.grad += 1
    x.grad.zero_()
    print(x.grad)


def fan_out(torch: Any) -> None:
    x = torch.tensor(2.0, requires_grad=True)
    a = x * 3
    b = a.sin()
    c = a * b + a
    (c * c + b).backward()
    print(x.grad)


def mixed_dtypes(torch: Any) -> None:
    a = torch.ones(2, dtype=torch.float16, requires_grad=True)
    b = torch.ones(2, dtype=torch.float64, requires_grad=True)
    c = torch.ones(2, dtype=torch.complex64, requires_grad=True)
    k = torch.arange(2)
    out = (a * b * k + c * 2j).abs().sum()
    print(out)
    out.backward()
    print(a.grad, b.grad, c.grad)
    h = torch.ones(3, dtype=torch.bfloat16, requires_grad=True)
    (h * 3 + h.exp()).sum().backward()
    print(h.grad)


def python_protocols(torch: Any) -> None:
    x = torch.tensor([3.0, 1.0, 2.0], requires_grad=True)
    print(2 in x, 7 in x, max(x).item(), sorted(x.tolist()), sum(x), [v.item() for v in x])
    print(bool(torch.tensor(1.0)), int(torch.tensor(3.7)), [10, 20, 30][torch.tensor(1)])
    print(-x, +x, abs(x), x // 2, x % 2, 2**x, x**2, 1 - x, 1 / x, x @ x, ~torch.tensor(True))
    print(x > 1, x == 3, x != 3, (x > 1) & (x < 3), x[x > 1], x[[0, 2]], x[..., None].shape)
    print(x.T.shape if x.dim() == 2 else x[None].T.shape, x[None].mT.shape)
    y = torch.ones(2, 2)
    y //= 2
    y += 3
    y **= 2
    y %= 5
    print(y, y.t().is_contiguous(), y.stride(), y.element_size(), y.is_floating_point())
    a, b = torch.tensor([1.0, 2.0], requires_grad=True)
    print(a, b, complex(torch.tensor(1j)), torch.ones(1).numpy())
    c = torch.ones(1) * 5
    print(copy.deepcopy(c), x.new_zeros(2), x.type(), x.to(torch.float64), x.cpu() is x)


def numpy_and_back(torch: Any) -> None:
    import numpy as np

    x = torch.from_numpy(np.arange(3.0))
    x.requires_grad_()
    (x * x).sum().backward()
    print(x, x.grad.numpy(), np.asarray(x.detach()), np.sum(x.detach().numpy()))


def variables_of_old(torch: Any) -> None:
    x = torch.autograd.Variable(torch.ones(2, 2), requires_grad=True)
    y = x + 2
    (y * y * 3).mean().backward()
    print(x, y, x.grad, torch.FloatTensor([1, 2]), torch.Tensor([1, 2]), torch.LongTensor([3]))


@pytest.mark.parametrize(
    "program",
    [
        leaves,
        retained,
        retained_and_changed,
        hooks,
        hook_that_removes_itself,
        hooks_of_nodes,
        hooks_see_the_whole_gradient,
        modes,
        bare_decorators,
        generators_without_grad,
        inference,
        gradients,
        only_some_inputs,
        only_what_is_needed_runs,
        kept_for_higher_orders,
        added_up,
        fan_out,
        mixed_dtypes,
        python_protocols,
        numpy_and_back,
        variables_of_old,
    ],
    ids=lambda program: program.__name__,
)
def test_a_program_prints_the_same_lines_on_both_engines(program: Program, same_lines: Any) -> None:
    same_lines(program)


def test_a_tensor_wraps_numbers_without_copying_them() -> None:
    data = plain_torch.arange(3.0)
    tensor = engine.Tensor(data, requires_grad=True)
    data[0] = 9
    assert type(tensor.data) is plain_torch.Tensor
    assert tensor.data.data_ptr() == data.data_ptr()
    assert repr(tensor) == "tensor([9., 1., 2.], requires_grad=True)"


def test_torchs_own_autograd_never_sees_a_tensor() -> None:
    parameter = plain_torch.ones(2, requires_grad=True)
    tensor = engine.Tensor(parameter, requires_grad=True)
    (tensor * 2).sum().backward()
    assert parameter.grad is None
    assert not tensor.data.requires_grad
    assert tensor.grad.data.tolist() == [2.0, 2.0]


def test_dtypes_devices_and_constants_are_torchs() -> None:
    for name in ("float64", "device", "Size", "pi", "Generator", "cuda"):
        assert getattr(engine, name) is getattr(plain_torch, name)
    with pytest.raises(AttributeError):
        engine.no_such_thing  # noqa: B018


def test_reading_the_grad_of_what_is_no_leaf_warns() -> None:
    y = engine.ones(2, requires_grad=True) * 2
    with pytest.warns(UserWarning, match="is not a leaf Tensor is being accessed"):
        assert y.grad is None
    y.retain_grad()
    assert y.grad is None


def test_a_copy_of_a_leaf_has_a_graph_of_its_own() -> None:
    x = engine.ones(2, requires_grad=True)
    y = (x * 2).sum()
    other = copy.deepcopy(x)
    y.backward()
    (other * 5).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]
    assert other.grad.tolist() == [5.0, 5.0]
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(x * 2)


def test_notes_that_fill_a_line_are_wrapped_as_torch_wraps_them() -> None:
    for shape in ((2,), (1,) * 12, (1,) * 24):
        for dtype in (plain_torch.float32, plain_torch.float64):
            options = {"device": "meta", "dtype": dtype, "requires_grad": True}
            ours, theirs = (kit.ones(shape, **options) for kit in (engine, plain_torch))
            assert repr(ours) == repr(theirs)
            assert repr(ours * 2) == repr(theirs * 2)


# ---- a leaf's gradient is its own


def test_a_gradient_that_a_leaf_keeps_is_shared_with_nobody() -> None:
    """Changing one `.grad` in place changes nothing else: no other leaf's, no given gradient."""
    a, b = (engine.ones(3, requires_grad=True) for _ in range(2))
    (a + b).sum().backward()
    a.grad.mul_(2)
    assert b.grad.tolist() == [1, 1, 1]

    given = engine.ones(3)
    c, d = (engine.ones(3, requires_grad=True) for _ in range(2))
    (c + d).backward(given)
    c.grad.zero_()
    d.grad.zero_()
    assert given.tolist() == [1, 1, 1]

    kept = []
    e = engine.ones(3, requires_grad=True)
    e.register_hook(kept.append)
    (e * 2).sum().backward()
    e.grad.zero_()
    assert kept[0].tolist() == [2, 2, 2]

    f, x = engine.ones(3, requires_grad=True), engine.arange(3.0)
    (f * x).sum().backward()  # with respect to f: x itself, times one
    f.grad.zero_()
    assert x.tolist() == [0, 1, 2]


def test_a_leaf_keeps_the_gradient_that_was_made_for_it() -> None:
    """No copy: a second one would double what the gradients of a large model take."""
    given = []

    class Scale(engine.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            made = g * 2
            given.append(made.data_ptr())
            return made

    x = engine.ones(1000, requires_grad=True)
    Scale.apply(x).sum().backward()
    assert given == [x.grad.data_ptr()]
