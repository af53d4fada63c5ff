"""Linear algebra: products of matrices, equations, inverses, distances.

`ᴴ` is the conjugate transpose (for real matrices the transpose), `∘` the product number by
number. Matrices may come in batches.
"""

# ruff: noqa: N803, N806 - matrices have the names that ATen's schemas and the books give them

from __future__ import annotations

from typing import Any

import torch

from graphviz_autograd.engine.table import rule

aten = torch.ops.aten


# ---- products


def _scaled(g: Any, number: Any) -> Any:
    return g if number == 1 else g * number.conjugate()


rule(
    aten.mm.default,
    "∂self = g·mat2ᴴ, ∂mat2 = selfᴴ·g",
    self=lambda g, mat2: g @ mat2.mH,
    mat2=lambda g, self: self.mH @ g,
)
rule(
    aten.bmm.default,
    "∂self = g·mat2ᴴ, ∂mat2 = selfᴴ·g",
    self=lambda g, mat2: g @ mat2.mH,
    mat2=lambda g, self: self.mH @ g,
)
rule(
    aten.addmm.default,
    "∂self = β·g, ∂mat1 = α·g·mat2ᴴ, ∂mat2 = α·mat1ᴴ·g",
    self=lambda g, beta: _scaled(g, beta),
    mat1=lambda g, mat2, alpha: _scaled(g @ mat2.mH, alpha),
    mat2=lambda g, mat1, alpha: _scaled(mat1.mH @ g, alpha),
)
for batched in (aten.baddbmm.default, aten.addbmm.default):
    rule(
        batched,
        "∂self = β·g, ∂batch1 = α·g·batch2ᴴ, ∂batch2 = α·batch1ᴴ·g",
        self=lambda g, beta: _scaled(g, beta),
        batch1=lambda g, batch2, alpha: _scaled(g @ batch2.mH, alpha),
        batch2=lambda g, batch1, alpha: _scaled(batch1.mH @ g, alpha),
    )
rule(
    aten.mv.default,
    "∂self = g·vecᴴ, ∂vec = selfᴴ·g",
    self=lambda g, vec: torch.outer(g, vec.conj()),
    vec=lambda g, self: self.mH @ g,
)
rule(
    aten.addmv.default,
    "∂self = β·g, ∂mat = α·g·vecᴴ, ∂vec = α·matᴴ·g",
    self=lambda g, beta: _scaled(g, beta),
    mat=lambda g, vec, alpha: _scaled(torch.outer(g, vec.conj()), alpha),
    vec=lambda g, mat, alpha: _scaled(mat.mH @ g, alpha),
)
rule(
    aten.addr.default,
    "∂self = β·g, ∂vec1 = α·g·vec2, ∂vec2 = α·vec1·g",
    self=lambda g, beta: _scaled(g, beta),
    vec1=lambda g, vec2, alpha: _scaled(g @ vec2.conj(), alpha),
    vec2=lambda g, vec1, alpha: _scaled(vec1.conj() @ g, alpha),
)
rule(
    aten.dot.default,
    "∂self = g·tensor, ∂tensor = g·self",
    self=lambda g, tensor: g * tensor.conj(),
    tensor=lambda g, self: g * self.conj(),
)
rule(
    aten.vdot.default,
    "∂self = ḡ·other, ∂other = g·self",
    self=lambda g, other: g.conj() * other,
    other=lambda g, self: g * self,
)
rule(
    aten.linalg_cross.default,
    "∂self = other × g, ∂other = g × self",
    self=lambda g, other, dim: torch.linalg.cross(other.conj(), g, dim=dim),
    other=lambda g, self, dim: torch.linalg.cross(g, self.conj(), dim=dim),
)
rule(
    aten._trilinear.default,
    "∂i1 = g·i2·i3 summed, ∂i2 = i1·g·i3 summed, ∂i3 = i1·i2·g summed",
    i1=lambda g, i2, i3, expand1, expand2, expand3, sumdim: aten._trilinear(
        g, i2.conj(), i3.conj(), sumdim, expand2, expand3, expand1
    ),
    i2=lambda g, i1, i3, expand1, expand2, expand3, sumdim: aten._trilinear(
        i1.conj(), g, i3.conj(), expand1, sumdim, expand3, expand2
    ),
    i3=lambda g, i1, i2, expand1, expand2, expand3, sumdim: aten._trilinear(
        i1.conj(), i2.conj(), g, expand1, expand2, sumdim, expand3
    ),
)


# ---- parts of matrices


def _blocks(g: Any, tensors_sym_sizes: Any) -> list[Any]:
    blocks, row, column = [], 0, 0
    for shape in tensors_sym_sizes:
        height, width = ((1, 1), (1, *shape), shape)[len(shape)]
        block = g[row : row + height, column : column + width]
        blocks.append(block.reshape(shape))
        row, column = row + height, column + width
    return blocks


rule(aten.block_diag.default, "∂tensors = the blocks of g", tensors=_blocks)
rule(
    aten.trace.default,
    "∂self = g·I",
    self=lambda g, self_sym_sizes: g * torch.eye(*self_sym_sizes, dtype=g.dtype, device=g.device),
)


# ---- equations, inverses, determinants


def _column(vector: Any) -> Any:
    return vector.unsqueeze(-1)


def _solve_matrix(g: Any, A: Any, result0: Any, left: bool) -> Any:
    gB = torch.linalg.solve(A.mH, g, left=left)
    if gB.ndim < A.ndim:
        return -_column(gB) @ _column(result0).mH
    return -(gB @ result0.mH if left else result0.mH @ gB)


rule(
    aten._linalg_solve_ex.default,
    "∂B = A⁻ᴴ·g, ∂A = -∂B·resultᴴ",
    A=_solve_matrix,
    B=lambda g, A, left: torch.linalg.solve(A.mH, g, left=left),
)
rule(
    aten.linalg_inv_ex.default,
    "∂A = -resultᴴ·g·resultᴴ",
    A=lambda g, result0: -result0.mH @ g @ result0.mH,
)


def _det(g: Any, A: Any, result0: Any) -> Any:
    if not A.numel():
        return torch.zeros_like(A)
    if not (result0 == 0).any():
        return torch.linalg.solve(
            A.mH, torch.diag_embed(_column(g * result0.conj()).expand(A.shape[:-1]))
        )
    U, S, Vh = torch.linalg.svd(A)
    others = (S.unsqueeze(-2) + torch.diag_embed(1 - S)).prod(-1)  # all but one
    sign = (torch.linalg.det(U) * torch.linalg.det(Vh)).conj()
    return _column(_column(g * sign)) * (U @ (_column(others) * Vh))


def _slogdet(gs: Any, A: Any, result0: Any) -> Any:
    g_sign, g_log, *_ = gs
    if g_log is None and not A.is_complex():
        return None  # a sign that is 1 or -1 does not move
    g = torch.zeros_like(g_sign) if g_log is None else g_log
    if g_sign is not None and A.is_complex():
        g = g - 1j * (g_sign.conj() * result0).imag
    LU, pivots, _ = torch.linalg.lu_factor_ex(A)
    eye = torch.eye(A.shape[-1], dtype=A.dtype, device=A.device)
    return torch.linalg.lu_solve(LU, pivots, eye * _column(_column(g)), adjoint=True)


rule(
    aten._linalg_det.default,
    "∂A = g·det(A)·A⁻ᴴ, the cofactors where A is singular",
    outputs=(0,),
    A=_det,
)
rule(aten._linalg_slogdet.default, "∂A = g·A⁻ᴴ", outputs=(0, 1), A=_slogdet)


def _pinv(g: Any, self: Any, result: Any) -> Any:
    A, P, Ph, gh = self, result, result.mH, g.mH
    outside = gh @ P - A @ (P @ (gh @ P))
    inside = P @ gh - ((P @ gh) @ P) @ A
    return -Ph @ g @ Ph + outside @ Ph + Ph @ inside


rule(
    aten.linalg_pinv.atol_rtol_tensor,
    "∂A = -Pᴴ·g·Pᴴ + (I-A·P)·gᴴ·P·Pᴴ + Pᴴ·P·gᴴ·(I-P·A), P the result",
    self=_pinv,
)


def _triangle(matrix: Any, upper: bool, unitriangular: bool) -> Any:
    off = int(unitriangular)  # a diagonal of ones is not read
    return matrix.triu(off) if upper else matrix.tril(-off)


def _triangular_right(g: Any, self: Any, upper: bool, left: bool, unitriangular: bool) -> Any:
    return torch.linalg.solve_triangular(
        self.mH, g, upper=not upper, left=left, unitriangular=unitriangular
    )


def _triangular_left(
    g: Any, self: Any, result: Any, upper: bool, left: bool, unitriangular: bool
) -> Any:
    gB = _triangular_right(g, self, upper, left, unitriangular)
    return _triangle(-(gB @ result.mH if left else result.mH @ gB), upper, unitriangular)


rule(
    aten.linalg_solve_triangular.default,
    "∂B = self⁻ᴴ·g, ∂self = the triangle of -∂B·resultᴴ",
    self=_triangular_left,
    B=_triangular_right,
)


def _old_triangular_right(
    gs: Any, A: Any, upper: bool, transpose: bool, unitriangular: bool
) -> Any:
    if gs[0] is None:
        return None
    matrix, upper = (A.mT, not upper) if transpose else (A, upper)
    return _triangular_right(gs[0], matrix, upper, True, unitriangular)


def _old_triangular_left(
    gs: Any, A: Any, result0: Any, upper: bool, transpose: bool, unitriangular: bool
) -> Any:
    if gs[0] is None:
        return gs[1]
    matrix, turned = (A.mT, not upper) if transpose else (A, upper)
    gA = _triangular_left(gs[0], matrix, result0, turned, True, unitriangular)
    gA = gA.mT if transpose else gA
    return gA if gs[1] is None else gA + gs[1]


rule(
    aten.triangular_solve.default,
    "∂self = A⁻ᴴ·g, ∂A = the triangle of -∂self·resultᴴ",
    self=_old_triangular_right,
    A=_old_triangular_left,
)


def _least_squares(gs: Any, self: Any, b: Any, result0: Any) -> tuple[Any, Any]:
    A, X, B = self, result0, b
    if X.ndim < A.ndim:
        X, B = _column(X), _column(B)
    gA, gB = torch.zeros_like(A), torch.zeros_like(B)
    if gs[0] is not None:
        P, g = torch.linalg.pinv(A), gs[0].reshape(X.shape)
        gA, gB = _pinv(g @ B.mH, A, P), P.mH @ g
    if gs[1] is not None and gs[1].numel():
        slope = 2 * (A @ X - B) * gs[1].reshape(*X.shape[:-2], 1, X.shape[-1])
        gA, gB = gA + slope @ X.mH, gB - slope
    return gA, gB.reshape(b.shape)


rule(
    aten.linalg_lstsq.default,
    "as result = pinv(self)·b; residuals: ∂self = 2·g·r·resultᴴ, ∂b = -2·g·r",
    outputs=(0, 1),
    self=lambda gs, self, b, result0: _least_squares(gs, self, b, result0)[0],
    b=lambda gs, self, b, result0: _least_squares(gs, self, b, result0)[1],
)


def _matrix_exp(g: Any, self: Any) -> Any:
    n = self.shape[-1]
    above = torch.cat([self.mH, g], -1)
    below = torch.cat([torch.zeros_like(g), self.mH], -1)
    return torch.linalg.matrix_exp(torch.cat([above, below], -2))[..., :n, n:]


rule(
    aten.linalg_matrix_exp.default,
    "∂self = the upper right block of exp([[selfᴴ, g], [0, selfᴴ]])",
    self=_matrix_exp,
)


# ---- distances


def _slope(difference: Any, distance: Any, p: float) -> Any:
    """The derivative of the p-norm of `difference`, whose last dimension is the vectors'."""
    if p == 0:
        return torch.zeros_like(difference)
    if p == 1:
        return difference.sgn()
    if p == float("inf"):
        return difference.sgn() * (difference.abs() == _column(distance))
    nothing = (_column(distance) == 0) | ((difference == 0) & (p < 1))
    ratio = (difference.abs() / _column(distance)).masked_fill(nothing, 1)
    return (difference.sgn() * ratio ** (p - 1)).masked_fill(nothing, 0)


def _cdist(g: Any, x1: Any, x2: Any, p: float, result: Any) -> Any:
    difference = x1.unsqueeze(-2) - x2.unsqueeze(-3)
    return (_column(g) * _slope(difference, result, p)).sum(-2)


def _euclidean(g: Any, x1: Any, x2: Any, result: Any) -> Any:
    weight = (g / result).masked_fill(result == 0, 0)
    return weight.sum(-1, keepdim=True) * x1 - weight @ x2


def _pdist(g: Any, self: Any, p: float, result: Any) -> Any:
    n = self.shape[0]
    first, second = torch.triu_indices(n, n, offset=1, device=self.device)
    pulls = _column(g) * _slope(self[first] - self[second], result, p)
    blank = torch.zeros_like(self)
    return blank.index_add(0, first, pulls).index_add(0, second, -pulls)


rule(
    aten._cdist_forward.default,
    "∂x1 = Σ g·sign(x1-x2)·(|x1-x2|/result)^(p-1), ∂x2 = -that",
    name="CdistBackward0",
    x1=_cdist,
    x2=lambda g, x1, x2, p, result: _cdist(g.mT, x2, x1, p, result.mT),
)
rule(
    aten._euclidean_dist.default,
    "∂x1 = Σ g·(x1-x2)/result, ∂x2 = -that",
    x1=_euclidean,
    x2=lambda g, x1, x2, result: _euclidean(g.mT, x2, x1, result.mT),
)
rule(
    aten._pdist_forward.default,
    "∂self = Σ ±g·sign(x-y)·(|x-y|/result)^(p-1)",
    name="PdistBackward0",
    self=_pdist,
)
