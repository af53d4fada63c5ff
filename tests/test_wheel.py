"""The wheel, installed in a fresh environment away from the checkout, does the main job."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]

TRAIN = """\
import torch

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.randn(8, 3), torch.randn(8, 1)
for step in range(3):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that the checkout keeps no trace of it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, source)
    for name in ("graphviz_autograd", "cli", "gallery"):
        shutil.copytree(
            CHECKOUT / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder)]
    run([sys.executable, "-m", "pip", *build, str(source)], folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `gva` in a fresh environment that holds the wheel.

    The dependencies are lent by the environment that runs the tests.
    """
    root = tmp_path_factory.mktemp("fresh")
    venv.create(root, with_pip=False)
    paths = sysconfig.get_paths("venv", vars={"base": str(root), "platbase": str(root)})
    python = Path(paths["scripts"]) / Path(sys.executable).name
    if not python.exists():
        python = Path(paths["scripts"]) / "python"
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    Path(paths["purelib"], "lent.pth").write_text("\n".join(sorted(lent)) + "\n")
    install = ["install", "--no-deps", "--no-index", "--quiet", str(wheel)]
    run([sys.executable, "-m", "pip", "--python", str(python), *install], root)
    return Path(paths["scripts"])


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_a_fresh_install_draws_a_training_script(scripts: Path, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAIN)
    run([str(scripts / "gva"), "render", "train.py"], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.py", "train.svg"]
    svg = (tmp_path / "train.svg").read_text(encoding="utf-8")
    for shown in ("MseLossBackward0", "model.0.weight", "model.2.bias", "loss"):
        assert shown in svg


def test_a_fresh_install_draws_the_gallery(scripts: Path, tmp_path: Path) -> None:
    done = run([str(scripts / "gva"), "gallery", "d2l_dot", "-o", "pictures"], tmp_path)
    assert "1 of 1 entries" in done.stdout
    drawn = tmp_path / "pictures" / "d2l_dot"
    assert "DotBackward0" in (drawn / "graph.svg").read_text(encoding="utf-8")
    assert 'class="keyword"' in (drawn / "index.html").read_text(encoding="utf-8")


def test_the_fresh_install_is_the_wheel_and_not_the_checkout(scripts: Path, tmp_path: Path) -> None:
    code = "import graphviz_autograd.cli, graphviz_autograd.gallery as g; print(g.__file__)"
    done = run([str(scripts / "python"), "-c", code], tmp_path)
    assert Path(done.stdout.strip()).is_relative_to(scripts.parent)


def test_the_wheel_needs_four_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = archive.read(name).decode()
    needs = re.findall(r"^Requires-Dist: ([\w-]+)([^;\n]*)(;.*)?$", metadata, re.MULTILINE)
    assert {name for name, _, extra in needs if not extra} == {
        "torch",
        "graphviz",
        "click",
        "pygraphviz",
    }
    assert {name for name, _, extra in needs if "notebook" in extra} == {"nbformat", "ipython"}
    assert re.search(r"^Requires-Python: >=3\.11$", metadata, re.MULTILINE)
    assert re.search(r"^License-Expression: MIT AND EPL-2\.0$", metadata, re.MULTILINE)


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    homes = {
        "graphviz_autograd": "graphviz_autograd",
        "cli": "graphviz_autograd/cli",
        "gallery": "graphviz_autograd/gallery",
    }
    files = {
        f"{home}/{path.relative_to(CHECKOUT / folder).as_posix()}"
        for folder, home in homes.items()
        for path in (CHECKOUT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert held == files
    assert "graphviz_autograd/py.typed" in held
    assert [name for name in held if name.endswith(".json")], "the schema of saved graphs"
