"""What happens where there is no Chromium."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TEST = f"{Path(__file__).with_name('test_model.py')}::test_words_are_those_of_the_pictures"


@pytest.mark.parametrize(("ci", "outcome"), [("", "1 skipped"), ("true", "1 error")])
def test_without_a_chromium_tests_are_skipped_and_fail_in_ci(
    ci: str, outcome: str, tmp_path: Path
) -> None:
    nowhere = {"PATH": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path), "CI": ci}
    kept = {name: value for name, value in os.environ.items() if name != "GVA_CHROMIUM"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", TEST],
        cwd=Path(__file__).parents[2],
        env={**kept, **nowhere},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert outcome in done.stdout
    assert "no Chromium to test the viewer with: install one" in done.stdout
