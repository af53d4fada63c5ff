"""What the tests of running scripts share."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graphviz_autograd.script import Outcome, Program, run

Play = Callable[..., Outcome]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Runs a script of this text, with torch imported as a person would."""
    monkeypatch.chdir(tmp_path)

    def play(text: str, *args: str, **options: Any) -> Outcome:
        path = tmp_path / "train.py"
        path.write_text("import torch\n" + textwrap.dedent(text), encoding="utf-8")
        return run(Program("file", str(path), args), **options)

    return play
