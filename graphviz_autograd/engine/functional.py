"""autograd.functional: whole derivatives of functions of tensors.

    jacobian(f, x)    all of ∂f/∂x            vjp(f, x, v)   vᵀ·∂f/∂x
    hessian(f, x)     all of ∂²f/∂x²          jvp(f, x, v)   ∂f/∂x·v
                                              vhp, hvp       the same of the Hessian

Inputs, outputs and vectors are a Tensor or a tuple of them; results are nested as they are.
With `create_graph` results can be differentiated further; with `strict` an output that does
not depend on an input is an error, not zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from graphviz_autograd.engine import modes
from graphviz_autograd.engine.backward import grad
from graphviz_autograd.engine.tensors import Tensor

Tensors = tuple[Tensor, ...]
Function = Callable[..., Any]


def vjp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs of `func`, and the product of `v`, shaped as they are, with its Jacobian.

    >>> vjp(lambda x: x.exp().sum(dim=1), Tensor(torch.zeros(2, 2)), Tensor(torch.ones(2)))
    (tensor([2., 2.]), tensor([[1., 1.],
            [1., 1.]]))
    """
    with modes.enable_grad():
        given = _inputs(inputs, create_graph, "vjp")
        result = func(*given)
        outputs = _outputs(result, "vjp", strict)
        found = _gradients(outputs, given, _vectors(v, outputs, OUTPUT), create_graph, strict)
    return _as(result, outputs, create_graph), _as(inputs, found, create_graph)


def jvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs of `func`, and the product of its Jacobian with `v`, shaped as the inputs.

    The product of a vector with the Jacobian is linear in the vector: differentiating that
    once more gives the product from the other side.
    """
    with modes.enable_grad():
        given = _inputs(inputs, create_graph, "jvp")
        vectors = _vectors(v, given, INPUT)
        result = func(*given)
        outputs = _outputs(result, "jvp", strict)
        dummies = tuple(Tensor(torch.zeros_like(out._data), True) for out in outputs)
        rows = _gradients(outputs, given, dummies, True, strict)
        found = _gradients(rows, dummies, vectors, create_graph, strict)
    return _as(result, outputs, create_graph), _as(result, found, create_graph)


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,  # noqa: ARG001
    strategy: str = "reverse-mode",  # noqa: ARG001
) -> Any:
    """The Jacobian of `func`: for an output and an input, of the shapes of both, one after
    the other. Computed row by row; `vectorize` and `strategy` are torch's and change nothing.

    >>> jacobian(lambda x: x * x, Tensor(torch.tensor([1.0, 2.0])))
    tensor([[2., 0.],
            [0., 4.]])
    """
    with modes.enable_grad():
        given = _inputs(inputs, create_graph, "jacobian")
        result = func(*given)
        outputs = _outputs(result, "jacobian", strict)
        blocks = [_jacobian_of(out, given, create_graph, strict) for out in outputs]
    rows = tuple(_as(inputs, row, create_graph) for row in blocks)
    return rows if isinstance(result, tuple | list) else rows[0]


def _jacobian_of(output: Tensor, given: Tensors, create_graph: bool, strict: bool) -> Tensors:
    rows: list[list[Tensor]] = [[] for _ in given]
    for number in range(output._data.numel()):
        one = torch.zeros(output._data.numel(), dtype=output.dtype, device=output.device)
        one[number] = 1
        start = Tensor(one.reshape(output.shape))
        found = _gradients((output,), given, (start,), create_graph, strict)
        for column, part in zip(rows, found, strict=True):
            column.append(part)
    return tuple(
        _stacked(column).reshape(output.shape + tensor.shape)
        for column, tensor in zip(rows, given, strict=True)
    )


def _stacked(rows: list[Tensor]) -> Any:
    return torch.stack(rows) if rows else Tensor(torch.zeros(0))  # type: ignore[arg-type]


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,  # noqa: ARG001
    outer_jacobian_strategy: str = "reverse-mode",  # noqa: ARG001
) -> Any:
    """The Hessian of `func`, which returns one number: for each two inputs a block of the
    shapes of both.

    >>> hessian(lambda x: (x**3).sum(), Tensor(torch.tensor([1.0, 2.0])))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    several = isinstance(inputs, tuple | list)

    def slope(*given: Tensor) -> Any:
        wanted = tuple(tensor if tensor.requires_grad else tensor.detach() for tensor in given)
        found = jacobian(_one_number(func, "hessian"), wanted, create_graph=True)
        return found if several else found[0]

    return jacobian(slope, inputs, create_graph=create_graph, strict=strict)


def vhp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output of `func`, one number, and the product of `v` with its Hessian."""
    with modes.enable_grad():
        given = _inputs(inputs, create_graph, "vhp")
        vectors = _vectors(v, given, INPUT)
        result = _one_number(func, "vhp")(*given)
        outputs = _outputs(result, "vhp", strict)
        slope = _gradients(outputs, given, (None,), True, strict)
        found = _gradients(slope, given, vectors, create_graph, strict)
    return _as(result, outputs, create_graph), _as(inputs, found, create_graph)


def hvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output of `func`, one number, and the product of its Hessian with `v`."""
    with modes.enable_grad():
        given = _inputs(inputs, create_graph, "hvp")
        vectors = _vectors(v, given, INPUT)
        result = _one_number(func, "hvp")(*given)
        outputs = _outputs(result, "hvp", strict)
        slope = _gradients(outputs, given, (None,), True, strict)
        dummies = tuple(Tensor(torch.zeros_like(tensor._data), True) for tensor in given)
        rows = _gradients(slope, given, dummies, True, strict)
        found = _gradients(rows, dummies, vectors, create_graph, strict)
    return _as(result, outputs, create_graph), _as(inputs, found, create_graph)


# ---- what they share

OUTPUT = (
    "The vector v can only be None if the user-provided function returns a single Tensor with a "
    "single element."
)
INPUT = (
    "The vector v can only be None if the input to the user-provided function is a single Tensor "
    "with a single element."
)


def _inputs(inputs: Any, create_graph: bool, who: str) -> Tensors:
    """Inputs to differentiate with respect to: leaves, or with `create_graph` views of them."""
    given = _checked(inputs, f"inputs given to {who}", "given inputs")
    if create_graph:
        return tuple(
            t.view_as(t) if t.requires_grad else t.detach().requires_grad_() for t in given
        )
    return tuple(tensor.detach().requires_grad_() for tensor in given)


def _outputs(result: Any, who: str, strict: bool) -> Tensors:
    outputs = _checked(
        result,
        f"outputs of the user-provided function given to {who}",
        "given outputs of the user-provided function",
    )
    for number, out in enumerate(outputs):
        if strict and not out.requires_grad:
            raise RuntimeError(
                f"Output {number} of the user-provided function does not require gradients. The "
                "outputs must be computed in a differentiable manner from the input when running "
                "in strict mode."
            )
    return outputs


def _checked(value: Any, what: str, given: str) -> Tensors:
    parts = tuple(value) if isinstance(value, tuple | list) else (value,)
    for number, part in enumerate(parts):
        if isinstance(part, Tensor):
            continue
        if parts and isinstance(value, tuple | list):
            raise TypeError(
                f"The {what} must be either a Tensor or a tuple of Tensors but the value at "
                f"index {number} of the {given} has type {type(part)}."
            )
        raise TypeError(
            f"The {what} must be either a Tensor or a tuple of Tensors but the {given} has type "
            f"{type(part)}."
        )
    return parts


def _vectors(v: Any, like: Tensors, why: str) -> Tensors:
    """The vector to multiply with: as `like` is, 1 where that is one number."""
    if v is None:
        if len(like) != 1 or like[0]._data.numel() != 1:
            raise RuntimeError(why)
        return (Tensor(torch.ones_like(like[0]._data)),)
    vectors = tuple(v) if isinstance(v, tuple | list) else (v,)
    if len(vectors) != len(like):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got {len(vectors)}."
        )
    for number, (vector, tensor) in enumerate(zip(vectors, like, strict=True)):
        if vector.shape != tensor.shape:
            which = f"Entry {number} in v" if len(like) > 1 else "v"
            raise RuntimeError(
                f"{which} has invalid size: should be {tensor.shape} but got {vector.shape}."
            )
    return vectors


def _one_number(func: Function, who: str) -> Function:
    def checked(*given: Tensor) -> Tensor:
        result = func(*given)
        (output,) = _outputs(result, who, False)[:1]
        if isinstance(result, tuple | list) and len(result) != 1:
            raise RuntimeError(f"The function given to {who} should return a single Tensor")
        if output._data.numel() != 1:
            raise RuntimeError(
                f"The Tensor returned by the function given to {who} should contain a single "
                "element"
            )
        number: Tensor = output.reshape(())
        return number

    return checked


def _gradients(
    outputs: Tensors, inputs: Tensors, vectors: Any, create_graph: bool, strict: bool
) -> Tensors:
    """As `grad`, with zeros where there is nothing to differentiate."""
    pairs = [(out, v) for out, v in zip(outputs, vectors, strict=True) if out.requires_grad]
    found: tuple[Tensor | None, ...] = (None,) * len(inputs)
    if pairs:
        starts = [v for _, v in pairs]
        found = grad([out for out, _ in pairs], inputs, starts, True, create_graph, True, True)
    for number, part in enumerate(found):
        if strict and part is None:
            raise RuntimeError(
                f"The outputs of the user-provided function are independent of input {number}. "
                "This is not allowed in strict mode."
            )
    return tuple(
        Tensor(torch.zeros_like(tensor._data)) if part is None else part
        for part, tensor in zip(found, inputs, strict=True)
    )


def _as(model: Any, tensors: Tensors, create_graph: bool) -> Any:
    """A tuple where the model is one; cut off from the graph unless that is asked for."""
    results = tensors if create_graph else tuple(tensor.detach() for tensor in tensors)
    return results if isinstance(model, tuple | list) else results[0]
