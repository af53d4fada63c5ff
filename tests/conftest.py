"""What all tests share."""

from __future__ import annotations

import pytest
from hypothesis import settings

# A test's first example may pay for importing torch, or for a busy machine.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each device a test runs on; `pytest -m cuda` runs the GPU's turns alone."""
    if request.param == "cuda":
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")
        # Convolutions would round float32 to TF32, each way another way.
        monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    return request.param
