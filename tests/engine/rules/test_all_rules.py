"""What is true of every rule in the table."""

from __future__ import annotations

import torch

from graphviz_autograd import engine
from graphviz_autograd.engine.table import RULES


def test_no_rule_leans_on_torchs_own_derivative_kernels() -> None:
    """So the engine's gradients are an opinion of their own. One that does is marked `kernel`."""
    own = [rule for op, rule in RULES.items() if op.namespace in ("aten", "torch_nn")]
    assert len(own) > 400
    assert [rule for rule in own if rule.kernel] == []


def test_every_rule_says_what_it_does_in_plain_notation() -> None:
    for rule in RULES.values():
        if rule.op.namespace == "aten" and rule.vjps:
            assert "∂" in rule.formula or rule.formula == "none, as in torch", rule


def test_dropout_without_a_word_on_training_drops_as_in_training() -> None:
    x = engine.ones(100, requires_grad=True)
    result, _ = torch.native_dropout(x, 0.75, None)
    result.sum().backward()
    assert set(result.tolist()) == {0.0, 4.0}
    assert x.grad.tolist() == result.tolist()  # torch 2.13 says 1 where it is 4
