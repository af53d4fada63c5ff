"""grid_sample by the engine's own formula has torch's gradients, wherever a place may fall."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch.nn.functional import grid_sample

from graphviz_autograd import engine

# inside, in the corners, on a pixel, between pixels, on the edge, outside, far outside
PLACES = (0.3, -0.9, 1.0, -1.0, 0.0, 0.5, -0.25, 1.1, -1.4, 2.7, -7.3, 0.99)


def gradients(kit: Any, image: Any, grid: Any, options: Any) -> list[Any]:
    leaf = engine.Tensor if kit is engine else lambda x, _: x.clone().requires_grad_()
    image, grid = leaf(image, True), leaf(grid, True)
    result = grid_sample(image, grid, **options)
    torch.manual_seed(5)
    slope = leaf(torch.randn(result.shape, dtype=torch.float64, device=grid.device), True)
    first = kit.autograd.grad(result, (image, grid), slope, create_graph=True)
    weights = [torch.randn(g.shape, dtype=torch.float64, device=g.device) for g in first]
    total = sum((g * w).sum() for g, w in zip(first, weights, strict=True))
    second = kit.autograd.grad(total, (image, grid, slope), materialize_grads=True)
    return [getattr(t.detach(), "data", t) for t in (result, *first, *second)]


@pytest.fixture(autouse=True)
def without_cudnn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its way of sampling has no second derivative in torch."""
    monkeypatch.setattr(torch.backends.cudnn, "enabled", False)


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_an_image_sampled_anywhere_has_torchs_gradients(
    mode: str, padding_mode: str, align_corners: bool, device: str
) -> None:
    torch.manual_seed(0)
    image = torch.randn(2, 3, 4, 5, dtype=torch.float64).to(device)
    grid = torch.tensor(list(product(PLACES, PLACES)), dtype=torch.float64).reshape(2, 6, 12, 2)
    grid = grid.to(device)
    options = {"mode": mode, "padding_mode": padding_mode, "align_corners": align_corners}
    want, got = (gradients(kit, image, grid, options) for kit in (torch, engine))
    for ours, theirs in zip(got, want, strict=True):
        torch.testing.assert_close(ours, theirs.detach())


@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_a_volume_sampled_anywhere_has_torchs_gradients(
    mode: str, padding_mode: str, device: str
) -> None:
    torch.manual_seed(0)
    volume = torch.randn(1, 2, 3, 4, 2, dtype=torch.float64).to(device)
    grid = torch.rand(1, 4, 3, 5, 3, dtype=torch.float64).to(device) * 3 - 1.5
    options = {"mode": mode, "padding_mode": padding_mode, "align_corners": False}
    want, got = (gradients(kit, volume, grid, options) for kit in (torch, engine))
    for ours, theirs in zip(got, want, strict=True):
        torch.testing.assert_close(ours, theirs.detach())
