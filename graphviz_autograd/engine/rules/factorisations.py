"""Factorisations of matrices: Cholesky, LU, QR, eigenvalues, singular values, reflectors.

`ᴴ` is the conjugate transpose, `∘` the product number by number. The derivatives are those
of Giles, "An extended collection of matrix derivative results" (2008), and of Townsend,
"Differentiating the singular value decomposition" (2016).

Where a factorisation is unique only up to a phase, as eigenvectors and singular vectors of
complex matrices are, a loss that depends on the phase has no gradient: that is an error.
"""

# ruff: noqa: N803, N806 - matrices have the names that ATen's schemas and the books give them

from __future__ import annotations

from typing import Any

import torch
from torch.linalg import solve_triangular

from graphviz_autograd.engine.table import rule

aten = torch.ops.aten


def _diagonal(matrix: Any) -> Any:
    return matrix.diagonal(dim1=-2, dim2=-1)


def _eye(values: Any) -> Any:
    return torch.eye(values.shape[-1], dtype=values.dtype, device=values.device)


def _skew(matrix: Any) -> Any:
    return matrix - matrix.mH


def _grown(matrix: Any, rows: int, columns: int) -> Any:
    """With zeros below and to the right."""
    more = (0, columns - matrix.shape[-1], 0, rows - matrix.shape[-2])
    return torch.nn.functional.pad(matrix, more)


# ---- Cholesky: A = L·Lᴴ


def _cholesky(g: Any, upper: bool, L: Any) -> Any:
    L, g = (L.mH, g.mH) if upper else (L, g)
    inner = (L.mH @ g).tril()
    inner = 0.5 * (inner + inner.tril(-1).mH)
    return solve_triangular(L, solve_triangular(L.mH, inner, upper=True), upper=False, left=False)


rule(
    aten.linalg_cholesky_ex.default,
    "∂self = L⁻ᴴ·Φ·L⁻¹, Φ the Hermitian half of tril(Lᴴ·g)",
    self=lambda g, upper, result0: _cholesky(g, upper, result0),
)
rule(
    aten.cholesky.default,
    "∂self = L⁻ᴴ·Φ·L⁻¹, Φ the Hermitian half of tril(Lᴴ·g)",
    self=lambda g, upper, result: _cholesky(g, upper, result),
)


def _through_square(gA: Any, L: Any, upper: bool) -> Any:
    """From the gradient of A to that of its factor."""
    both = gA + gA.mH
    return L @ both if upper else both @ L


rule(
    aten.cholesky_inverse.default,
    "∂self = -result·(g + gᴴ)·result·self",
    self=lambda g, self, upper, result: _through_square(-result @ g @ result, self, upper),
)
rule(
    aten.cholesky_solve.default,
    "∂self = A⁻¹·g, ∂input2 = -(∂self·resultᴴ + result·∂selfᴴ)·input2",
    self=lambda g, input2, upper: torch.cholesky_solve(g, input2, upper),
    input2=lambda g, input2, upper, result: _through_square(
        -torch.cholesky_solve(g, input2, upper) @ result.mH, input2, upper
    ),
)


# ---- LU: A = P·L·U


def _lu(gL: Any, gU: Any, P: Any, L: Any, U: Any) -> Any:
    m, n, k = L.shape[-2], U.shape[-1], L.shape[-1]
    gL = torch.zeros_like(L) if gL is None else gL.tril(-1)
    gU = torch.zeros_like(U) if gU is None else gU.triu()
    L1, U1, gL1, gU1 = L[..., :k, :], U[..., :k], gL[..., :k, :], gU[..., :k]
    beside = below = None
    if n > k:  # U2 = L⁻¹·Pᴴ·A2
        beside = solve_triangular(L1.mH, gU[..., k:], upper=True, unitriangular=True)
        gL1 = gL1 - beside @ U[..., k:].mH
    if m > k:  # L2 = (Pᴴ·A)2·U⁻¹
        below = solve_triangular(U1.mH, gL[..., k:, :], upper=False, left=False)
        gU1 = gU1 - L[..., k:, :].mH @ below
    inner = (L1.mH @ gL1).tril(-1) + (gU1 @ U1.mH).triu()
    inner = solve_triangular(L1.mH, inner, upper=True, unitriangular=True)
    gA = solve_triangular(U1.mH, inner, upper=False, left=False)
    gA = gA if beside is None else torch.cat([gA, beside], -1)
    gA = gA if below is None else torch.cat([gA, below], -2)
    return P @ gA if P.numel() else gA


def _lu_factor(g: Any, result0: Any, result1: Any) -> Any:
    k = min(result0.shape[-2:])
    P, L, U = torch.lu_unpack(result0, result1)
    return _lu(g[..., :k], g[..., :k, :], P, L, U)


def _lu_unpack(gs: Any, LU_data_sym_sizes: Any) -> Any:
    *_, m, n = LU_data_sym_sizes
    gL = 0 if gs[1] is None else _grown(gs[1].tril(-1), m, n)
    gU = 0 if gs[2] is None else _grown(gs[2].triu(), m, n)
    return gL + gU


def _lu_solve(g: Any, LU: Any, pivots: Any, result: Any, left: bool, adjoint: bool) -> Any:
    P, L, U = torch.lu_unpack(LU, pivots)
    gB = torch.linalg.lu_solve(LU, pivots, g, left=left, adjoint=not adjoint)
    gA = -(gB @ result.mH if left else result.mH @ gB)
    gA = P.mT @ (gA.mH if adjoint else gA)
    return (gA @ U.mH).tril(-1) + (L.mH @ gA).triu()


rule(
    aten.linalg_lu.default,
    "∂A = P·L⁻ᴴ·(tril(Lᴴ·gL, -1) + triu(gU·Uᴴ))·U⁻ᴴ",
    outputs=(1, 2),
    A=lambda gs, result0, result1, result2: _lu(gs[1], gs[2], result0, result1, result2),
)
rule(
    aten.linalg_lu_factor_ex.default,
    "∂A = P·L⁻ᴴ·(tril(Lᴴ·g, -1) + triu(g·Uᴴ))·U⁻ᴴ",
    outputs=(0,),
    A=_lu_factor,
)
rule(
    aten.lu_unpack.default,
    "∂LU_data = tril(gL, -1) + triu(gU)",
    outputs=(1, 2),
    LU_data=_lu_unpack,
)
rule(
    aten.linalg_lu_solve.default,
    "∂B = A⁻ᴴ·g, ∂A = -∂B·resultᴴ, ∂LU = tril(Pᴴ·∂A·Uᴴ, -1) + triu(Lᴴ·Pᴴ·∂A)",
    LU=_lu_solve,
    B=lambda g, LU, pivots, left, adjoint: torch.linalg.lu_solve(
        LU, pivots, g, left=left, adjoint=not adjoint
    ),
)


# ---- QR: A = Q·R


def _qr(gs: Any, mode: str, result0: Any, result1: Any) -> Any:
    gQ, gR = gs
    Q, R, k = result0, result1, result0.shape[-1]
    if mode == "r":
        raise RuntimeError(
            "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. "
            "Please use linalg.qr(A, mode='reduced') if you are going to differentiate through "
            "linalg.qr."
        )
    if mode == "complete" and Q.shape[-1] > R.shape[-1]:
        raise RuntimeError(
            "The QR decomposition is not differentiable when mode='complete' and nrows > ncols."
        )
    gQ = torch.zeros_like(Q) if gQ is None else gQ
    gR = torch.zeros_like(R) if gR is None else gR
    R1, gR1, gR2 = R[..., :k], gR[..., :k], gR[..., k:]
    gQ = gQ + Q @ (R[..., k:] @ gR2.mH)  # R2 = Qᴴ·A2
    inner = (gR1 @ R1.mH - Q.mH @ gQ).triu()
    above = inner.triu(1)
    inner = above + above.mH + torch.diag_embed(_diagonal(inner).real)
    gA = solve_triangular(R1.mH, gQ + Q @ inner, upper=False, left=False)
    return torch.cat([gA, Q @ gR2], -1) if gR2.shape[-1] else gA


rule(
    aten.linalg_qr.default,
    "∂A = (gQ + Q·M)·R⁻ᴴ, M the Hermitian matrix with the upper triangle of gR·Rᴴ - Qᴴ·gQ",
    A=_qr,
)


# ---- eigenvalues: A·V = V·λ


def _differences(values: Any) -> Any:
    """values[j] - values[i], with ones on the diagonal."""
    return values.unsqueeze(-2) - values.unsqueeze(-1) + _eye(values)


EIGENVECTORS = (
    "linalg_{}_backward: The eigenvectors in the complex case are specified up to "
    "multiplication by e^{{i phi}}. The specified loss function depends on this quantity, so "
    "it is ill-defined."
)

SINGULAR_VECTORS = (
    "svd_backward: The singular vectors in the complex case are specified up to "
    "multiplication by e^{i phi}. The specified loss function depends on this phase term, "
    "making it ill-defined."
)


def _refuse_phase(diagonal: Any, message: str) -> None:
    plain = getattr(diagonal, "data", diagonal)
    if plain.is_complex() and not torch.allclose(
        plain.imag, torch.zeros_like(plain.imag), rtol=1e-2, atol=1e-2
    ):
        raise RuntimeError(message)


def _eigh(gs: Any, result0: Any, result1: Any) -> Any:
    gL, gV = gs
    L, V = result0, result1
    if gV is None:
        return (V * gL.unsqueeze(-2)) @ V.mH
    inner = V.mH @ gV
    _refuse_phase(_diagonal(inner), EIGENVECTORS.format("eigh"))
    inner = 0.5 * _skew(inner) / _differences(L)
    inner = inner - torch.diag_embed(_diagonal(inner))
    inner = inner if gL is None else inner + torch.diag_embed(gL)
    return V @ inner @ V.mH


def _eig(gs: Any, result0: Any, result1: Any) -> Any:
    gL, gV = gs
    L, V = result0, result1
    if gV is None:
        return torch.linalg.solve(V.mH, gL.unsqueeze(-1) * V.mH)
    inner = V.mH @ gV
    _refuse_phase(_diagonal(inner), EIGENVECTORS.format("eig"))
    inner = inner - V.mH @ (V * _diagonal(inner).real.unsqueeze(-2))  # vectors have norm 1
    inner = inner / _differences(L.conj())
    inner = inner - torch.diag_embed(_diagonal(inner))
    inner = inner if gL is None else inner + torch.diag_embed(gL)
    return torch.linalg.solve(V.mH, inner @ V.mH)


rule(
    aten._linalg_eigh.default,
    "∂A = V·(diag(gλ) + skew(Vᴴ·gV)/2(λⱼ-λᵢ))·Vᴴ",
    A=_eigh,
)
rule(
    aten.linalg_eig.default,
    "∂self = V⁻ᴴ·(diag(gλ) + (Vᴴ·gV - Vᴴ·V·Re(diag))/(λⱼ-λᵢ))·Vᴴ",
    self=_eig,
)


# ---- singular values: A = U·S·Vh


def _svd(gs: Any, result0: Any, result1: Any, result2: Any) -> Any:
    gU, gS, gVh = gs
    U, S, Vh = result0, result1, result2
    k = S.shape[-1]
    U, gU = U[..., :k], None if gU is None else gU[..., :k]
    Vh, gVh = Vh[..., :k, :], None if gVh is None else gVh[..., :k, :]
    if gU is None and gVh is None:
        return U @ (gS.unsqueeze(-1) * Vh)
    column, row = S.unsqueeze(-1), S.unsqueeze(-2)
    turnU = _skew(U.mH @ gU) if gU is not None else torch.zeros_like(U.mH @ U)
    turnV = _skew(Vh @ gVh.mH) if gVh is not None else torch.zeros_like(turnU)
    _refuse_phase(_diagonal(turnU + turnV), SINGULAR_VECTORS)
    inner = (turnU * row + column * turnV) / ((row - column) * (row + column) + _eye(S))
    inner = inner - torch.diag_embed(_diagonal(inner))
    if U.is_complex():
        inner = inner + torch.diag_embed(_diagonal(turnU) / (2 * S))
    inner = inner if gS is None else inner + torch.diag_embed(gS)
    gA = U @ inner @ Vh
    if gU is not None and U.shape[-2] > k:
        outside = gU / row
        gA = gA + (outside - U @ (U.mH @ outside)) @ Vh
    if gVh is not None and Vh.shape[-1] > k:
        outside = gVh / column
        gA = gA + U @ (outside - (outside @ Vh.mH) @ Vh)
    return gA


rule(
    aten._linalg_svd.default,
    "∂A = U·(diag(gS) + (skew(Uᴴ·gU)·S + S·skew(Vh·gVhᴴ))/(Sⱼ²-Sᵢ²))·Vh"
    " + (I-U·Uᴴ)·gU·S⁻¹·Vh + U·S⁻¹·gVh·(I-Vhᴴ·Vh)",
    A=_svd,
)


# ---- reflectors: Q = H₁·H₂·…·Hₖ, Hᵢ = I - τᵢ·vᵢ·vᵢᴴ


def _reflectors(g: Any, V: Any, tau: Any, C: Any) -> tuple[Any, Any]:
    """The gradients of the columns of V, and of tau, in Q·C."""
    if not V.numel() or not tau.numel():
        return None, None
    m, k = V.shape[-2], tau.shape[-1]
    unit = V.tril(-1) + torch.eye(m, V.shape[-1], dtype=V.dtype, device=V.device)
    vs = [unit[..., i : i + 1] for i in range(k)]
    taus = [tau[..., i, None, None] for i in range(k)]
    after = [C]  # at i, counted from behind, Hᵢ₊₁·…·Hₖ·C
    for v, t in zip(vs[:0:-1], taus[:0:-1], strict=True):
        after.append(after[-1] - t * (v @ (v.mH @ after[-1])))
    g_vs, g_taus = [], []
    for v, t, Y in zip(vs, taus, reversed(after), strict=True):
        vY, vg = v.mH @ Y, v.mH @ g
        g_taus.append(-(vg @ vY.mH)[..., 0])
        g_vs.append(-t.conj() * (g @ vY.mH) - t * (Y @ vg.mH))
        g = g - t.conj() * (v @ vg)
    gV = torch.cat([*g_vs, torch.zeros_like(V[..., k:])], -1).tril(-1)
    return gV, torch.cat(g_taus, -1)


def _householder(g: Any, V: Any, tau: Any) -> tuple[Any, Any]:
    return _reflectors(g, V, tau, torch.eye(*V.shape[-2:], dtype=V.dtype, device=V.device))


def _ormqr(
    g: Any, self: Any, input2: Any, input3: Any, left: bool, transpose: bool
) -> tuple[Any, Any]:
    g, C = (g, input3) if left else (g.mH, input3.mH)
    return _reflectors(*((g, self, input2, C) if left != transpose else (C, self, input2, g)))


rule(
    aten.linalg_householder_product.default,
    "∂τᵢ = -vᵢᴴ·G·(vᵢᴴ·Y)ᴴ, ∂vᵢ = -τᵢ·G·(vᵢᴴ·Y)ᴴ - τᵢ·Y·(vᵢᴴ·G)ᴴ; G, Y left and right of Hᵢ",
    input=lambda g, input, tau: _householder(g, input, tau)[0],
    tau=lambda g, input, tau: _householder(g, input, tau)[1],
)
rule(
    aten.ormqr.default,
    "∂input3 = Qᴴ·g, the reflectors as in householder_product",
    self=lambda g, self, input2, input3, left, transpose: _ormqr(
        g, self, input2, input3, left, transpose
    )[0],
    input2=lambda g, self, input2, input3, left, transpose: _ormqr(
        g, self, input2, input3, left, transpose
    )[1],
    input3=lambda g, self, input2, left, transpose: torch.ormqr(
        self, input2, g, left, not transpose
    ),
)
