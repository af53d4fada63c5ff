"""`gva gallery`: what a person sees when all goes well, and when an entry fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from graphviz_autograd.cli.gallery import gallery
from graphviz_autograd.errors import OptionError
from graphviz_autograd.gallery import entries

HEADER = '"""{title}\n\nLook here.\n\nSource: https://example.org\nTags: a test\n"""\n'
GOOD = "import torch\nx = torch.ones(2, requires_grad=True)\nx.sum().backward()\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gallery of two entries, one of which fails."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "good.py").write_text(HEADER.format(title="Good") + GOOD)
    (scripts / "bad.py").write_text(HEADER.format(title="Bad") + "x = 1 / 0\n")
    monkeypatch.setattr(entries, "HERE", scripts)
    return tmp_path


def test_a_failing_entry_is_reported_and_the_others_are_drawn(folder: Path) -> None:
    out = folder / "out"
    result = CliRunner().invoke(gallery, ["-o", str(out)])
    assert result.exit_code == 1
    assert sorted(path.name for path in out.iterdir()) == ["good.json", "good.png", "good.svg"]
    assert "bad FAILED" in result.stdout
    assert f"1 of 2 entries drawn in {out}" in result.stdout
    assert "ZeroDivisionError" in result.stderr
    assert "bad.py" in result.stderr


def test_a_folder_that_cannot_be_made_is_one_line(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(OptionError, match="cannot write to .*file"):
        CliRunner().invoke(gallery, ["-o", str(folder / "file" / "x")], catch_exceptions=False)


def test_only_the_named_entries_are_drawn(folder: Path) -> None:
    out = folder / "out"
    result = CliRunner().invoke(gallery, ["good", "-o", str(out)])
    assert result.exit_code == 0
    assert f"1 of 1 entries drawn in {out}" in result.stdout
    assert (out / "good.png").read_bytes().startswith(b"\x89PNG")


def test_the_list_shows_names_and_titles_and_draws_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(gallery, ["--list"])
    assert [path.name for path in folder.iterdir()] == ["scripts"]
    assert result.stdout.splitlines() == ["bad   Bad", "good  Good"]


def test_an_unknown_entry_is_named_with_its_neighbour() -> None:
    with pytest.raises(OptionError, match="no entry 'd2l_dit'; did you mean d2l_dot"):
        CliRunner().invoke(gallery, ["d2l_dit"], catch_exceptions=False)
