"""autograd.functional gives torch's whole derivatives, and its errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Program = Callable[[Any], Any]


def f(x: Any, y: Any) -> Any:
    return x.exp() * y, (x * y).sum()


def inputs(torch: Any) -> Any:
    return torch.linspace(0, 1, 3), torch.linspace(1, 2, 3)


PROGRAMS: dict[str, Program] = {
    "jacobian": lambda torch: torch.autograd.functional.jacobian(f, inputs(torch)),
    "jacobian, one input": lambda torch: torch.autograd.functional.jacobian(
        lambda x: x.view(2, 2).exp().sum(1), torch.ones(4)
    ),
    "jacobian of a constant": lambda torch: torch.autograd.functional.jacobian(
        lambda x: torch.ones(2), torch.ones(3)
    ),
    "jacobian with a graph": lambda torch: (
        torch.autograd.functional.jacobian(
            lambda x: x**3, torch.ones(2, requires_grad=True), create_graph=True
        ).requires_grad
    ),
    "hessian": lambda torch: torch.autograd.functional.hessian(
        lambda x: (x**3).sum() + x[0] * x[1], torch.arange(3.0)
    ),
    "hessian, two inputs": lambda torch: torch.autograd.functional.hessian(
        lambda x, y: (x * y**2).sum(), inputs(torch)
    ),
    "hessian of something linear": lambda torch: torch.autograd.functional.hessian(
        lambda x: x.sum(), torch.ones(2)
    ),
    "vjp": lambda torch: torch.autograd.functional.vjp(
        f, inputs(torch), (torch.arange(3.0), torch.tensor(2.0))
    ),
    "vjp of one number": lambda torch: torch.autograd.functional.vjp(
        lambda x: (x * x).sum(), torch.arange(3.0)
    ),
    "vjp with a graph": lambda torch: torch.autograd.functional.vjp(
        lambda x, y: x * 2, inputs(torch), torch.ones(3), create_graph=True
    ),
    "jvp": lambda torch: torch.autograd.functional.jvp(f, inputs(torch), inputs(torch)),
    "jvp of something constant": lambda torch: torch.autograd.functional.jvp(
        lambda x: torch.ones(2), torch.ones(3), torch.ones(3)
    ),
    "vhp": lambda torch: torch.autograd.functional.vhp(
        lambda x: (x**3).sum(), torch.arange(3.0), torch.ones(3)
    ),
    "hvp": lambda torch: torch.autograd.functional.hvp(
        lambda x, y: (x**3 * y).sum(), inputs(torch), inputs(torch)
    ),
    "vector of another shape": lambda torch: torch.autograd.functional.vjp(
        lambda x: x * 2, torch.ones(3), torch.ones(2)
    ),
    "vector missing": lambda torch: torch.autograd.functional.vjp(lambda x: x * 2, torch.ones(3)),
    "vector missing, jvp": lambda torch: torch.autograd.functional.jvp(
        lambda x: x * 2, torch.ones(3)
    ),
    "vectors too few": lambda torch: torch.autograd.functional.jvp(
        f, inputs(torch), inputs(torch)[0]
    ),
    "hessian of many numbers": lambda torch: torch.autograd.functional.hessian(
        lambda x: x * 2, torch.ones(3)
    ),
    "no tensor out": lambda torch: torch.autograd.functional.jacobian(lambda x: 3, torch.ones(3)),
    "no tensor in": lambda torch: torch.autograd.functional.jacobian(lambda x: x * 2, 3),
    "strict, constant": lambda torch: torch.autograd.functional.jacobian(
        lambda x: torch.ones(3), torch.ones(3), strict=True
    ),
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_derivatives_of_functions_are_torchs(program: Program, same_lines: Any) -> None:
    same_lines(lambda torch: print(program(torch)))


def test_a_jacobian_leaves_its_inputs_as_they_were(same_lines: Any) -> None:
    def program(torch: Any) -> None:
        x = torch.ones(2, requires_grad=True)
        with torch.no_grad():
            print(torch.autograd.functional.jacobian(lambda t: t * t, x))
        print(x.grad, x)

    same_lines(program)
