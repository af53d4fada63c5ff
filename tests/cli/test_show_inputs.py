"""`gva render --show-inputs`: the tensors that need no gradient, on the engine's graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from graphviz_autograd.cli import gva

Draw = Callable[..., tuple[str, str]]

LESSON = """
import torch
x = torch.arange(3.0)
w = torch.ones(3, requires_grad=True)
(w * x).sum().backward()
"""


@pytest.fixture
def draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Draw:
    """Renders lesson.py, or what was kept of it, and gives what was written and what was said."""
    monkeypatch.chdir(tmp_path)
    Path("lesson.py").write_text(LESSON)

    def draw(*options: str, script: str = "lesson.py", output: str = "out.dot") -> tuple[str, str]:
        result = CliRunner().invoke(gva, ["render", "-o", output, *options, script])
        assert result.exit_code == 0, result.output
        return Path(output).read_text(), result.stderr

    return draw


def test_the_data_has_its_box_under_its_own_name(draw: Draw) -> None:
    text, said = draw("--engine", "own", "--show-inputs")
    assert 'label="x\n(3)" fillcolor="lavender"' in text
    assert "--show-inputs" not in said
    assert "lavender" not in draw("--engine", "own")[0]


def test_on_torchs_graph_a_line_says_why_there_is_none(draw: Draw) -> None:
    text, said = draw("--show-inputs")
    assert "lavender" not in text
    assert "--show-inputs: this graph does not know the tensors that need no gradient" in said
    assert "--show-inputs" not in draw("--show-inputs", "-q")[1]


def test_a_saved_graph_of_the_engine_holds_them(draw: Draw) -> None:
    draw("--engine", "own", output="graph.json")
    assert "lavender" not in draw(script="graph.json")[0]
    assert "lavender" in draw("--show-inputs", script="graph.json")[0]
