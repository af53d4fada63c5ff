"""`gva render` of large graphs: what a person sees without asking, and what they can ask for."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from graphviz_autograd import Graph
from graphviz_autograd.cli import gva

Gva = Callable[..., Result]

STACK = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(4)
        self.mlp = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4))

    def forward(self, x):
        return x + self.mlp(self.norm(x))

model = nn.Sequential(nn.Linear(3, 4), *(Block() for _ in range(12)), nn.Linear(4, 2))
x = torch.ones(5, 3)
loss = model(x).square().mean()
loss.backward()
"""


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gva:
    """Calls `gva` in a folder that holds stack.py, a model of twelve equal blocks."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stack.py").write_text(STACK)

    def call(*args: str) -> Result:
        result = CliRunner().invoke(gva, list(args))
        assert result.exception is None or isinstance(result.exception, SystemExit), result
        return result

    return call


def drawn(file: str) -> tuple[list[str], list[str]]:
    """The first lines of a DOT file's boxes, and of its frames."""
    text = Path(file).read_text(encoding="utf-8")
    boxes = re.findall(r'^\s*\d+ \[label="(.*?)["\n]', text, re.MULTILINE)
    frames = re.findall(r'graph \[label="(.*?)"', text)
    return boxes, frames


def test_a_large_graph_is_folded_and_collapsed_and_it_is_told(call: Gva) -> None:
    result = call("render", "-o", "stack.dot", "stack.py")
    note, wrote = result.stderr.splitlines()
    assert re.fullmatch(
        r"2\d\d boxes drawn as \d\d: equal blocks folded \(Block ×12\), accumulators drawn with "
        r"their leaves \(--full draws all, --depth N goes deeper\)",
        note,
    )
    assert wrote.startswith("wrote stack.dot: root loss")
    boxes, frames = drawn("stack.dot")
    assert len(boxes) < 40
    assert "11 more" in boxes
    assert "Block ×12 model.{1..12}" in frames
    assert "Block model.1" in frames  # the first of them can be looked into


def test_a_small_graph_is_drawn_whole(call: Gva) -> None:
    Path("small.py").write_text(
        "import torch\ntorch.ones(2, requires_grad=True).exp().sum().backward()"
    )
    result = call("render", "-o", "small.dot", "small.py")
    assert "drawn as" not in result.stderr
    assert sorted(drawn("small.dot")[0])[2:4] == ["AccumulateGrad", "ExpBackward0"]


def test_full_draws_all_within_frames_around_the_modules(call: Gva) -> None:
    assert "drawn as" not in call("render", "--full", "-o", "stack.dot", "stack.py").stderr
    boxes, frames = drawn("stack.dot")
    assert len(boxes) > 200
    assert "Sequential model" in frames
    assert "LayerNorm model.7.norm" in frames


def test_depth_says_how_far_modules_are_opened(call: Gva) -> None:
    call("render", "--depth", "0", "-o", "stack.dot", "stack.py")
    assert drawn("stack.dot")[0].count("Sequential") == 1
    call("render", "--depth", "1", "--no-fold", "-o", "stack.dot", "stack.py")
    boxes, frames = drawn("stack.dot")
    assert boxes.count("Block") == 12
    assert frames == ["Sequential model"]


def test_a_module_is_collapsed_by_its_path(call: Gva) -> None:
    call("render", "--max-nodes", "999", "--collapse", "model.*.mlp", "-o", "s.dot", "stack.py")
    boxes, _ = drawn("s.dot")
    assert boxes.count("Sequential") == 12
    assert boxes.count("NativeLayerNormBackward0") == 12


def test_a_threshold_of_your_own(call: Gva) -> None:
    call("render", "--max-nodes", "8", "-o", "stack.dot", "stack.py")
    assert len(drawn("stack.dot")[0]) <= 8
    Path("pyproject.toml").write_text("[tool.graphviz-autograd]\nmax-nodes = 1000\n")
    assert "drawn as" not in call("render", "-o", "stack.dot", "stack.py").stderr


def test_focus_draws_what_is_around_a_tensor(call: Gva) -> None:
    call("render", "--focus", "model.3.norm.weight", "--hops", "1", "-o", "stack.dot", "stack.py")
    boxes, _ = drawn("stack.dot")
    assert sorted(boxes) == ["AccumulateGrad", "NativeLayerNormBackward0", "model.3.norm.weight"]
    assert "within 1 arrow of 'model.3.norm.weight'" in Path("stack.dot").read_text()


def test_between_hide_and_only_choose_what_is_drawn(call: Gva) -> None:
    call("render", "--full", "--between", "model.13.weight", "loss", "-o", "b.dot", "stack.py")
    assert sorted(drawn("b.dot")[0]) == [
        *("AccumulateGrad", "AddmmBackward0", "MeanBackward0", "PowBackward0", "TBackward0"),
        *("loss", "model.13.weight"),
    ]
    call("render", "--full", "--hide", "TBackward0", "-o", "h.dot", "stack.py")
    assert "TBackward0" not in drawn("h.dot")[0]
    call("render", "--full", "--only", "model.13", "-o", "o.dot", "stack.py")
    assert "AddmmBackward0" in drawn("o.dot")[0]
    assert "PowBackward0" not in drawn("o.dot")[0]


def test_json_has_all_of_it_and_is_drawn_later_as_a_script_would_be(call: Gva) -> None:
    assert "drawn as" not in call("render", "-o", "stack.json", "stack.py").stderr
    graph = Graph.from_json(Path("stack.json").read_text())
    assert not graph.closed
    assert "Block ×12" in call("render", "-o", "later.dot", "stack.json").stderr
    call("render", "-o", "direct.dot", "stack.py")
    assert drawn("later.dot") == drawn("direct.dot")


def test_what_is_collapsed_in_a_saved_graph_stays_so(call: Gva) -> None:
    call("render", "--depth", "1", "--no-fold", "-o", "stack.json", "stack.py")
    assert len(Graph.from_json(Path("stack.json").read_text()).closed) == 14


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--focus", "model.3.norm.wieght"], "did you mean 'model.3.norm.weight'"),
        (["--collapse", "modle.3"], "there is no module 'modle.3' in the graph; did you mean"),
        (["--depth", "-1"], "-1 is not in the range x>=0"),
        (["--full", "--depth", "1"], "--full draws everything, and --depth does not"),
        (["--hide", "NoSuchOp*"], "NoSuchOp"),
        (["--hops", "3"], "--hops is how far --focus reaches: give --focus NAME"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_2(call: Gva, args: list[str], says: str) -> None:
    result = call("render", *args, "-o", "stack.dot", "stack.py")
    assert result.exit_code == 2
    assert says in result.stderr
    assert not Path("stack.dot").exists()


FAULTY = """
import torch
from torch import nn

class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * ctx.factor, None

class Block(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor
        self.mlp = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4))

    def forward(self, x):
        return x + Double.apply(self.mlp(x), self.factor)

model = nn.Sequential(*(Block(3 if number == 6 else 2) for number in range(12)))
model(torch.ones(5, 4)).square().mean().backward()
"""


def test_a_fault_in_the_7th_of_12_blocks_is_seen_however_much_is_folded(call: Gva) -> None:
    Path("faulty.py").write_text(FAULTY)
    result = call("verify", "-o", "faulty.dot", "faulty.py")
    assert result.exit_code == 3
    assert "first failure: DoubleBackward in model.6" in result.stdout
    boxes, frames = drawn("faulty.dot")
    assert "drawn as" in result.stderr
    assert len(boxes) < 80
    text = Path("faulty.dot").read_text()
    assert text.count("FIRST FAILURE") == 1
    assert "Block model.6" in frames
    assert "Block model.7" not in frames
