"""`gva verify`: what a person types, and what they get."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from graphviz_autograd import Graph
from graphviz_autograd.cli import gva, progress, sweeping
from graphviz_autograd.verification import ops

Gva = Callable[..., Result]

TRAIN = """
import sys
import torch
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
x, y = torch.randn(16, 4), torch.randn(16, 1)
for step in range(3):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
print("trained", sys.argv[1:], repr(loss.item()))
"""

WRONG = """
import torch
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 3
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * g * x ** 2
x = torch.linspace(1, 2, 4, requires_grad=True)
loss = Cube.apply(x.exp()).sin().sum()
loss.backward()
"""

OPAQUE = """
import torch
class Outside(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.from_numpy(x.detach().numpy() * 2)
    @staticmethod
    def backward(ctx, g):
        return 2 * g
x = torch.ones(3, requires_grad=True)
Outside.apply(x * 2).exp().sum().backward()
"""


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gva:
    """Calls `gva verify` in a folder that holds the scripts."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"train.py": TRAIN, "wrong.py": WRONG, "opaque.py": OPAQUE}.items():
        (tmp_path / name).write_text(text)

    def call(*args: str) -> Result:
        result = CliRunner().invoke(gva, ["verify", *args])
        assert result.exception is None or isinstance(result.exception, SystemExit), result
        return result

    return call


def status(file: str) -> dict[str, str]:
    """What was found of each op, of a picture kept as JSON."""
    nodes = Graph.from_json(Path(file).read_text()).nodes
    return {node.op: node.data["verify"]["status"] for node in nodes if "verify" in node.data}


def test_a_training_loop_matches(call: Gva) -> None:
    result = call("train.py")
    assert result.exit_code == 0
    assert result.stdout.startswith("matched: 10 matched, 0 failed, 0 not checked")
    assert "model.0.weight" in result.stdout
    assert result.stderr.startswith("checked root loss (MseLossBackward0), 10 ops, 4 leaves")
    assert not [name for name in Path().iterdir() if name.suffix != ".py"]


@pytest.mark.parametrize("options", [("--backward", "3"), ("--root", "model(x)"), ("--order", "2")])
def test_the_graph_is_chosen_as_for_render(call: Gva, options: tuple[str, ...]) -> None:
    result = call(*options, "train.py")
    assert result.exit_code == 0
    assert " 0 failed, 0 not checked" in result.stdout


def test_training_under_a_check_gives_the_same_numbers(call: Gva) -> None:
    """Kept going after the check, the script prints what it prints by itself."""
    checked = call("--keep-going", "-q", "train.py", "--lr", "1")
    plain = CliRunner().invoke(gva, ["render", "-q", "--keep-going", "train.py", "--lr", "1"])
    assert checked.stdout.startswith("trained ['--lr', '1']")
    assert checked.stdout == plain.stdout


def test_a_wrong_function_is_found_at_its_node_and_line(call: Gva) -> None:
    result = call("-o", "wrong.json", "--json", "report.json", "wrong.py")
    assert result.exit_code == 3
    assert "first failure: CubeBackward at" in result.stdout
    assert "wrong.py:13, found by the local check" in result.stdout
    assert "finite differences agree with the engine" in result.stdout
    found = status("wrong.json")
    assert found["CubeBackward"] == "failed"
    assert found["SinBackward0"] == found["ExpBackward0"] == "matched"
    report = json.loads(Path("report.json").read_text())
    assert (report["ok"], report["first_failure"]["name"]) == (False, "CubeBackward")


def test_the_picture_shows_what_failed(call: Gva) -> None:
    assert call("-o", "wrong.svg", "-q", "wrong.py").exit_code == 3
    svg = Path("wrong.svg").read_text()
    assert svg.count("FIRST FAILURE: off by") == 1
    assert "failed" in svg


def test_a_difference_that_is_meant_is_allowed_by_name(call: Gva) -> None:
    result = call("--allow", "Cube", "wrong.py")
    assert result.exit_code == 0
    assert "allowed CubeBackward: torch" in result.stdout


def test_a_page_tells_what_operations_save_as_that_of_render_does(call: Gva) -> None:
    call("-o", "checked.html", "train.py")
    text = Path("checked.html").read_text(encoding="utf-8")
    (graph,) = re.findall(r'id="graph">(.*?)</script>', text, re.DOTALL)
    kinds = {node.kind for node in Graph.from_json(graph).nodes}
    assert kinds >= {"leaf", "op", "saved", "output"}


def test_what_could_not_be_checked_is_told_and_strict_minds(call: Gva) -> None:
    result = call("opaque.py")
    assert result.exit_code == 0
    assert "not checked: opaque forward" in result.stdout
    assert call("--strict", "opaque.py").exit_code == 5
    assert call("--strict", "train.py").exit_code == 0


def test_nothing_that_could_be_checked_is_5(call: Gva) -> None:
    Path("alone.py").write_text(OPAQUE.replace("x * 2).exp().sum()", "x)").replace("d()", "d(x)"))
    result = call("alone.py")
    assert result.exit_code == 5
    assert result.stdout.startswith("nothing could be checked")


def test_no_graph_is_4_and_a_script_that_fails_first_is_1(call: Gva) -> None:
    assert call("-c", "import torch; x = torch.ones(2)").exit_code == 4
    failed = call("-c", "import torch; raise SystemExit(3)")
    assert (failed.exit_code, failed.stdout) == (1, "")
    failed = call("-c", "1 / 0")
    assert failed.exit_code == 1
    assert "ZeroDivisionError" in failed.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("options", [("--require-cuda",), ("--device", "cuda")])
def test_cuda_that_is_not_there_is_5_and_nothing_runs(call: Gva, options: tuple[str, ...]) -> None:
    result = call(*options, "train.py")
    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == "Error: nothing was checked: cuda: no CUDA device\n"


def test_a_device_is_where_tensors_are_made_that_have_no_place(call: Gva) -> None:
    code = "import torch; w = torch.ones(2, device='cpu', requires_grad=True)\n"
    code += "assert torch.ones(1).is_meta; (w * w).sum().backward()"
    assert call("--device", "meta", "-c", code).exit_code == 0
    assert torch.ones(1).device.type == "cpu"


@pytest.mark.usefixtures("call")
def test_json_on_stdout_has_it_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "graphviz_autograd", "verify", "--json", "-", "train.py"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["counts"]["matched"] == 10
    assert "matched: 10 matched" in done.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "give a SCRIPT to check, or --ops"),
        (("-f", "png", "train.py"), "--format is for a picture: give -o FILE"),
        (("--focus", "loss", "train.py"), "--focus is for a picture: give -o FILE"),
        (("-o", "a.svg", "--full", "--depth", "1", "train.py"), "give one of them"),
        (("train.json",), "train.json is a saved graph, which has no numbers: give its script"),
        (("--dtype", "float32", "train.py"), "--dtype is for --ops"),
        (("--show-inputs", "train.py"), "--show-inputs is for the engine's graph"),
        (("--device", "gpu", "train.py"), "--device gpu: Expected one of cpu, cuda"),
        (("--json", "no/where.json", "train.py"), "cannot write no/where.json"),
        (("-o", "-", "--json", "-", "train.py"), "cannot both have stdout"),
        (("--ops", "--strict", "exp"), "--strict is for scripts, not for --ops"),
        (("--ops", "exp", "sin"), "--ops takes one PATTERN, and exp is one: sin"),
        (("--ops", "exp", "--strict"), "--strict is for scripts, not for --ops"),
    ],
)
def test_a_mistake_in_use_is_one_line(call: Gva, args: tuple[str, ...], said: str) -> None:
    result = call(*args)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


def test_defaults_of_another_command_may_stand_in_the_same_table(call: Gva) -> None:
    text = '[tool.graphviz-autograd]\nengine = "own"\norder = 2\ntheme = "dark"\n'
    Path("pyproject.toml").write_text(text)
    assert "order 2" in call("train.py").stdout
    code = "import torch; torch.ones(2, requires_grad=True).exp().sum().backward()"
    drawn = CliRunner().invoke(gva, ["render", "-o", "own.json", "-c", code])
    assert drawn.exit_code == 0
    assert Graph.from_json(Path("own.json").read_text()).meta["engine"] == "own"


def test_the_dtypes_are_those_of_the_sweep() -> None:
    assert sweeping.DTYPES == ops.DTYPES


def test_operators_are_swept_and_told_as_json(call: Gva) -> None:
    result = call("--ops", "--device", "cpu", "--json", "ops.json", "^(exp|as_strided_scatter)$")
    assert result.exit_code == 0
    assert "order 1, float64, cpu" in result.stdout
    assert "1 of 2 entries match wholly" in result.stdout
    (run,) = json.loads(Path("ops.json").read_text())["runs"]
    assert (run["device"], run["matched"], list(run["known"])) == ("cpu", 1, ["as_strided_scatter"])
    assert {entry["name"] for entry in run["entries"]} == {"exp", "as_strided_scatter"}


def test_options_may_follow_the_pattern(call: Gva) -> None:
    result = call("--ops", "^exp$", "--order", "2", "--device", "cpu")
    assert result.exit_code == 0
    assert result.stdout.startswith("order 2, float64, cpu")


def test_where_there_is_no_terminal_the_sweep_gives_a_line_once_in_a_while(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "BETWEEN", 0.0)
    with progress.counting("entries on cpu") as tell:
        tell(120, 547)
    assert capsys.readouterr().err == "120 of 547 entries on cpu\n"
    monkeypatch.setattr(progress, "BETWEEN", 60.0)
    with progress.counting("entries on cpu") as tell:
        tell(120, 547)
    assert capsys.readouterr().err == ""


SPOILED = """
import torch
x = torch.ones(3, requires_grad=True)
y = x.exp()
loss = (y * y).sum()
with torch.no_grad():
    y += 1
loss.backward()
"""

TWICE = """
import torch
x = torch.ones(3, requires_grad=True)
loss = x.exp().sum()
loss.backward()
loss.backward()
"""


def test_a_backward_that_would_raise_is_no_match(call: Gva) -> None:
    spoiled = call("-c", SPOILED)
    assert spoiled.exit_code == 3
    assert "first failure: MulBackward0" in spoiled.stdout
    assert "modified by an inplace operation" in spoiled.stdout
    assert call("--backward", "1", "-c", TWICE).exit_code == 0
    freed = call("--backward", "2", "-c", TWICE)
    assert freed.exit_code == 5
    assert freed.stdout.startswith("nothing could be checked")
    assert "retain_graph=True" in freed.stdout


def test_where_there_is_no_graph_it_speaks_of_checking(call: Gva) -> None:
    assert call("-c", "import torch").stderr.startswith("Error: no graph to check: ")


def test_a_check_that_breaks_down_says_so(call: Gva, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr("graphviz_autograd.verification.check.examine", broken)
    result = call("train.py")
    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr.startswith("Error: nothing was checked, for the check itself failed.")
    assert "please report it with the script: KeyError: 'ours' (test_verify.py:" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_compiled_function_runs_uncompiled_and_quietly(call: Gva) -> None:
    Path("compiled.py").write_text(
        "import torch\nw = torch.ones(3, requires_grad=True)\n"
        "torch.compile(lambda w: (w * 2).exp().sum(), backend='eager')(w).backward()\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "graphviz_autograd", "verify", "compiled.py"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("matched: 4 matched, 0 failed, 0 not checked")
    assert done.stderr.startswith("checked root SumBackward0")


def test_settings_that_the_script_left_on_do_not_reach_the_check(call: Gva) -> None:
    """A default device, a default dtype and autocast hold where backward is called too."""
    code = """
import torch
torch.set_default_device("meta")
torch.set_default_dtype(torch.float64)
w = torch.ones(3, device="cpu", requires_grad=True)
with torch.autocast("cpu"):
    (torch.ones(3, 3, device="cpu") @ w).exp().sum().backward()
"""
    try:
        result = call("--order", "2", "-c", code)
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)
    assert result.exit_code == 0
    assert " 0 failed, 0 not checked" in result.stdout


def test_a_script_that_raises_shows_its_own_traceback_alone(tmp_path: Path) -> None:
    script = tmp_path / "raises.py"
    script.write_text("import torch\nw = torch.ones(3, requires_grad=True)\nw @ torch.ones(4)\n")
    ran = subprocess.run(
        [sys.executable, "-m", "graphviz_autograd", "verify", str(script)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert [line for line in ran.stderr.splitlines() if line.startswith("  File")] == [
        f'  File "{script}", line 3, in <module>'
    ]
