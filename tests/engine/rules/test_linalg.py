"""Linear algebra and Fourier transforms: gradients as torch's, to second order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from graphviz_autograd import engine

LINALG, FFT = torch.linalg, torch.fft

PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "matrix product": lambda x: x @ x.mH,
    "addmm, scaled": lambda x: torch.addmm(x[0, 0], x, x.mT, beta=2, alpha=3),
    "baddbmm": lambda x: torch.baddbmm(x, x[None], x.mT[None]),
    "outer products added": lambda x: torch.addr(x, x[0], x[1], alpha=0.5),
    "matrix times vector": lambda x: torch.addmv(x[1], x, x[0]),
    "inner products": lambda x: torch.dot(x[0], x[1]) + torch.vdot(x[1], x[2]),
    "einsum": lambda x: torch.einsum("ij,kj->ik", x, x),
    "cross": lambda x: torch.cross(x, x.roll(1, 0), dim=-1),
    "kron": lambda x: torch.kron(x, x),
    "blocks": lambda x: torch.block_diag(x, x[0], x[0, 0]),
    "trace": lambda x: (x @ x).trace(),
    "solve": lambda x: LINALG.solve(x, x @ x),
    "solve with a vector": lambda x: LINALG.solve(x, x[0]),
    "solve from the right": lambda x: LINALG.solve(x, x[:2], left=False),
    "triangular solve": lambda x: LINALG.solve_triangular(x, x.mT, upper=True),
    "inverse": lambda x: LINALG.inv(x),
    "determinant": lambda x: LINALG.det(x),
    "logarithm of the determinant": lambda x: LINALG.slogdet(x).logabsdet,
    "phase of the determinant": lambda x: LINALG.slogdet(x + 1j).sign,
    "pseudoinverse of a tall matrix": lambda x: LINALG.pinv(x[:, :2]),
    "least squares": lambda x: LINALG.lstsq(x[:, :2], x).solution,
    "their residuals": lambda x: LINALG.lstsq(x[:, :2], x, driver="gels").residuals,
    "matrix exponential": lambda x: torch.matrix_exp(x),
    "matrix power": lambda x: LINALG.matrix_power(x, -2),
    "Cholesky": lambda x: LINALG.cholesky(x @ x.mH),
    "inverse from Cholesky": lambda x: torch.cholesky_inverse(LINALG.cholesky(x @ x.mH)),
    "solution from Cholesky": lambda x: torch.cholesky_solve(x, LINALG.cholesky(x @ x.mH)),
    "LU of a wide matrix": lambda x: LINALG.lu(x[:2]).U,
    "LU of a tall matrix": lambda x: LINALG.lu(x[:, :2]).L,
    "solution from LU": lambda x: LINALG.lu_solve(*LINALG.lu_factor(x), x.mT, adjoint=True),
    "QR of a tall matrix": lambda x: LINALG.qr(x[:, :2]).Q,
    "QR of a wide matrix": lambda x: LINALG.qr(x[:2]).R,
    "eigenvalues": lambda x: LINALG.eigvals(x),
    "eigenvectors": lambda x: LINALG.eig(x).eigenvectors.abs(),
    "eigenvalues, Hermitian": lambda x: LINALG.eigvalsh(x + x.mH),
    "eigenvectors, Hermitian": lambda x: LINALG.eigh(x + x.mH).eigenvectors.abs(),
    "singular values": lambda x: LINALG.svdvals(x),
    "singular vectors": lambda x: LINALG.svd(x[:2], full_matrices=False).Vh.abs(),
    "nuclear norm": lambda x: LINALG.matrix_norm(x, "nuc"),
    "condition number": lambda x: LINALG.cond(x),
    "product of reflectors": lambda x: LINALG.householder_product(x, x[0, :2]),
    "reflectors applied": lambda x: torch.ormqr(x[:, :2], x[0, :2], x, left=False, transpose=True),
    "Fourier transform": lambda x: FFT.fft(x, norm="ortho"),
    "and back": lambda x: FFT.ifft2(x),
    "to a real signal, odd": lambda x: FFT.irfft(x, n=5),
    "to a real signal, even": lambda x: FFT.hfft(x, n=4),
}

REAL: dict[str, Callable[[Any], Any]] = {
    "Fourier transform of a real signal": lambda x: FFT.rfft(x),
    "in two dimensions, even": lambda x: FFT.rfft2(x.repeat(2, 2)),
    "bilinear": lambda x: torch.nn.functional.bilinear(x, x, x[None].mT.contiguous()),
}

FIRST_ORDER: dict[str, Callable[[Any], Any]] = {
    f"distances, order {p}, {name}": lambda x, p=p, distance=distance: distance(x, p)
    for p in (0.0, 0.5, 1.0, 2.0, 3.0, float("inf"))
    for name, distance in {
        "between two sets": lambda x, p: torch.cdist(x, x[:2], p=p),
        "within one set": lambda x, p: torch.pdist(torch.cat([x, x[:1]]), p),
        "of many": lambda x, p: torch.cdist(x.repeat(10, 1), 2 * x.repeat(9, 1), p=p),
    }.items()
}


def gradients(
    kit: Any, program: Callable[[Any], Any], dtype: torch.dtype, device: str, order: int = 2
) -> list[torch.Tensor]:
    torch.manual_seed(1)
    x = kit.randn(3, 3, dtype=dtype, device=device, requires_grad=True)
    y = program(x)
    c = kit.randn(tuple(y.shape), dtype=y.dtype, device=device, requires_grad=order == 2)
    (first,) = kit.autograd.grad(y, x, c, create_graph=order == 2)
    found = [y.detach(), first.detach()]
    if order == 2:
        found += kit.autograd.grad((first * first.conj()).real.sum(), (x, c), allow_unused=True)
    return [getattr(t, "data", t) for t in found]


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=["real", "complex"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_are_torchs_to_second_order(name: str, dtype: torch.dtype, device: str) -> None:
    want, got = (gradients(kit, PROGRAMS[name], dtype, device) for kit in (torch, engine))
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize("name", REAL)
def test_gradients_of_real_signals_are_torchs_to_second_order(name: str, device: str) -> None:
    want, got = (gradients(kit, REAL[name], torch.float64, device) for kit in (torch, engine))
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize("name", FIRST_ORDER)
def test_gradients_of_distances_are_torchs(name: str, device: str) -> None:
    program = FIRST_ORDER[name]
    want, got = (gradients(kit, program, torch.float64, device, 1) for kit in (torch, engine))
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_the_determinant_of_a_singular_matrix_has_a_gradient(rank: Any, device: str) -> None:
    matrix = torch.diag(torch.tensor([2.0, 3.0, 5.0]) * (torch.arange(3) < rank))
    x = engine.Tensor(matrix.to(device), requires_grad=True)
    torch.linalg.det(x).backward()
    torch.testing.assert_close(
        x.grad.data.cpu(), torch.diag(torch.tensor([0, 0, 6.0 * (rank == 2)]))
    )


def test_what_has_no_gradient_says_so() -> None:
    x = engine.randn(3, 3, requires_grad=True)
    permutation, lower, _ = torch.linalg.lu(x)
    assert lower.requires_grad
    assert not permutation.requires_grad


@pytest.mark.parametrize(
    "program",
    [
        lambda x: LINALG.eig(x).eigenvectors.sum().real,
        lambda x: LINALG.eigh(x).eigenvectors.sum().real,
        lambda x: LINALG.svd(x).U.sum().real,
        lambda x: LINALG.qr(x, mode="r").R.sum().real,
        lambda x: LINALG.qr(x[:, :2], mode="complete").Q.sum().real,
    ],
    ids=["eig", "eigh", "svd", "qr without Q", "qr, more columns than rows have"],
)
def test_a_gradient_that_is_not_defined_is_torchs_error(program: Any) -> None:
    texts = []
    for kit in (torch, engine):
        torch.manual_seed(0)
        x = kit.randn(3, 3, dtype=torch.complex128, requires_grad=True)
        with pytest.raises(RuntimeError) as caught:
            program(x).backward()
        texts.append(str(caught.value))
    assert texts[1] == texts[0]
