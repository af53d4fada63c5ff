"""Rules make what they need on the device of their arguments, also where there is no GPU to see.

A child process has a device that only pretends: its tensors have shapes and no numbers, and an
operator that is given tensors of two devices raises, as on a GPU.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

CHILD = """
import json, sys, warnings
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException
from torch._subclasses.fake_tensor import DynamicOutputShapeException, FakeTensorMode
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

warnings.simplefilter("ignore")
_setup_privateuseone_for_python_backend("pretended")
torch.pretended.get_rng_state = lambda *_: torch.zeros(8, dtype=torch.uint8)
torch.pretended.set_rng_state = lambda *_: None

from torch.utils._pytree import tree_leaves
from graphviz_autograd import engine
import test_half_precision, test_linalg, test_modules, test_reductions_shapes_indexing

NEEDS_NUMBERS = (DataDependentOutputException, DynamicOutputShapeException, NotImplementedError)

def differentiated(program, shape):
    x = engine.Tensor(torch.empty(shape, device="pretended"), True)
    outs = [out for out in tree_leaves(program(x)) if out.requires_grad]
    slopes = [torch.ones_like(out.data) for out in outs]
    grads = engine.autograd.grad(outs, x, slopes, create_graph=True, allow_unused=True)
    smooth = [g for g in grads if g is not None and g.requires_grad]
    if smooth:
        engine.autograd.backward(smooth, [torch.ones_like(g.data) for g in smooth])

def module(make, shape):
    def program(x):
        with torch.device("pretended"):
            made = make()
        with engine.wrap(made):
            return made(x)
    return program, shape

programs = {}
for name, program in test_reductions_shapes_indexing.PROGRAMS.items():
    programs[name] = program, (2, 4)
for name, program in (test_linalg.PROGRAMS | test_linalg.REAL).items():
    programs[name] = program, (3, 3)
for name, program in test_half_precision.FUNCTIONS.items():
    programs[name] = program, (8, 16)
for name in ("perceptron", "GRU", "LSTMCell", "encoder layer in training", "weight norm"):
    programs[name] = module(*test_modules.MODULES[name])

ran, mixed = 0, {}
for name, (program, shape) in programs.items():
    with FakeTensorMode(allow_non_fake_inputs=True):
        try:
            differentiated(program, shape)
            ran += 1
        except NEEDS_NUMBERS:
            pass
        except Exception as error:
            mixed[name] = f"{type(error).__name__}: {error}"
print(json.dumps([ran, mixed]))
"""


def test_no_rule_mixes_devices() -> None:
    pytest.importorskip("torch.utils.backend_registration")
    path = f"import sys; sys.path[:0] = {[str(HERE), str(HERE / 'rules')]!r}\n"
    child = subprocess.run(
        [sys.executable, "-c", path + CHILD], capture_output=True, text=True, timeout=300
    )
    assert child.returncode == 0, child.stderr
    ran, mixed = json.loads(child.stdout.splitlines()[-1])
    assert mixed == {}
    assert ran > 80
