"""What the documentation shows is true: every example runs, every command is accepted."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from graphviz_autograd.gallery import entries

CHECKOUT = Path(__file__).parents[1]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
PACKAGES = {"graphviz_autograd": "graphviz_autograd", "cli": "graphviz_autograd.cli"}
PACKAGES |= {"gallery": "graphviz_autograd.gallery", "bench": "bench"}


def modules_with_examples() -> list[str]:
    """Every module with a `>>>` in it, by dotted name; new ones are included by themselves."""
    shown = {entry.path for entry in entries.find()}
    return [
        ".".join([package, *path.relative_to(CHECKOUT / folder).with_suffix("").parts])
        for folder, package in PACKAGES.items()
        for path in sorted((CHECKOUT / folder).rglob("*.py"))
        if path not in shown and ">>>" in path.read_text(encoding="utf-8")
    ]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_in_docstrings_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(name.removesuffix(".__init__")))
    assert result.failed == 0
    assert result.attempted > 0, "the examples stand where doctest does not look"


def test_examples_in_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, one after another, as a reader would type them."""
    monkeypatch.chdir(tmp_path)
    text = "\n".join(blocks("python"))
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(doctest.DocTestParser().get_doctest(text, {}, "README.md", "README.md", 0))
    assert runner.tries > 10
    assert runner.failures == 0


def test_the_rule_in_the_readme_is_the_engines() -> None:
    rules = CHECKOUT / "graphviz_autograd/engine/rules/activations.py"
    (shown,) = blocks("text")
    assert shown in rules.read_text(encoding="utf-8")


def test_every_python_block_of_the_readme_is_an_example() -> None:
    for block in blocks("python"):
        assert block.startswith(">>> "), block


def gva_commands() -> list[str]:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    lines = [re.sub(r"  +#.*", "", line) for line in lines]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ gva ")]


@pytest.mark.parametrize("command", gva_commands())
def test_commands_in_the_readme_are_accepted(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command parses: its options exist and take such values."""
    from graphviz_autograd.cli import render, verify
    from graphviz_autograd.cli.gallery import gallery

    monkeypatch.chdir(tmp_path)
    for name in ("train.py", "notebook.ipynb", "loss.json"):
        (tmp_path / name).touch()
    _, name, *args = shlex.split(command)
    table: dict[str, click.Command] = {
        "render": render.render,
        "verify": verify.verify,
        "gallery": gallery,
    }
    with table[name].make_context(name, args):
        pass


def test_make_commands_in_the_documentation_exist() -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    contributing = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([a-z-]+)", README + contributing))
    named |= set(re.findall(r"^\$ make ([a-z-]+)", README, re.MULTILINE))
    assert {"gallery", "test"} <= named <= targets


def test_every_module_says_what_it_is_for() -> None:
    shown = [path for folder in PACKAGES for path in (CHECKOUT / folder).rglob("*.py")]
    for path in shown:
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not here")
def test_make_help_lists_every_target() -> None:
    done = subprocess.run(["make", "help"], cwd=CHECKOUT, capture_output=True, text=True)
    listed = set(re.findall(r"^make ([a-z-]+)", done.stdout, re.MULTILINE))
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    assert listed == set(phony[1].split())
