"""`gva gallery`: the site that a person gets, and what they see when an entry fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from graphviz_autograd import Graph
from graphviz_autograd.cli.gallery import gallery
from graphviz_autograd.errors import OptionError
from graphviz_autograd.gallery import build, entries

HEADER = '"""{title}\n\nLook here.\n\nSource: https://example.org\nTags: a test\n"""\n'
GOOD = "import torch\nx = torch.ones(2, requires_grad=True)\nx.sum().backward()\nprint('sum')\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gallery of two entries, one of which fails."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "good.py").write_text(HEADER.format(title="Good") + GOOD)
    (scripts / "bad.py").write_text(HEADER.format(title="Bad") + "x = 1 / 0\n")
    monkeypatch.setattr(entries, "HERE", scripts)
    return tmp_path


def gva_gallery(*args: object) -> Result:
    return CliRunner().invoke(gallery, [str(arg) for arg in args], catch_exceptions=False)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_failing_entry_is_reported_and_the_others_are_in_the_site(folder: Path) -> None:
    out = folder / "out"
    result = gva_gallery("-o", out)
    assert result.exit_code == 1
    assert names(out / "good") == [
        "entry.json",
        "graph-dark.svg",
        "graph.json",
        "graph.svg",
        "index.html",
        "verify.json",
    ]
    assert not (out / "bad").exists()
    assert f"1 of 2 entries drawn in {out}" in result.stdout
    assert "bad FAILED" in result.stderr
    assert "ZeroDivisionError" in result.stderr
    assert "bad.py" in result.stderr
    assert "cli" not in result.stderr, "our own frames are not the person's"
    index = (out / "index.html").read_text(encoding="utf-8")
    assert 'href="good/index.html"' in index
    assert "bad/" not in index
    assert "Not drawn, for they failed: <code>bad</code>" in index


def test_a_page_has_the_code_what_it_prints_the_gradients_and_the_verdict(folder: Path) -> None:
    gva_gallery("good", "-o", folder / "out")
    page = (folder / "out" / "good" / "index.html").read_text(encoding="utf-8")
    for shown in (
        "<h1>Good</h1>",
        "<p>Look here.</p>",
        'href="https://example.org"',
        '<span class="line" id="L8" data-number="8">',
        '<span class="keyword">import</span> torch',
        '<pre class="printed" tabindex="0">sum</pre>',
        "<tr><td><code>x</code></td><td>[1, 1]</td></tr>",
        "2 matched",
        'class="matched">matched</span></td><td>[1, 1]</td><td>[1, 1]</td><td>[1, 1]</td>',
        'src="graph.svg"',
        'srcset="graph-dark.svg"',
    ):
        assert shown in page
    assert "Source:" not in page, "the header is told in other words"
    home = folder / "out" / "good"
    graph = Graph.from_json((home / "graph.json").read_text(encoding="utf-8"))
    assert {node.line for node in graph.nodes if node.op == "SumBackward0"} == {("good.py", 10)}
    verified = (home / "verify.json").read_text(encoding="utf-8")
    assert json.loads(verified)["ok"] is True
    assert str(folder) not in verified, "the site is the same wherever it was made"


def test_a_leaf_shows_the_gradient_that_it_has_in_the_end(folder: Path) -> None:
    again = "(2 * x).sum().backward()\n"
    (folder / "scripts" / "good.py").write_text(HEADER.format(title="Good") + GOOD + again)
    gva_gallery("good", "-o", folder / "out")
    assert "<td>[3, 3]</td>" in (folder / "out/good/index.html").read_text(encoding="utf-8")


def test_what_has_not_changed_is_not_drawn_again(folder: Path) -> None:
    out, script = folder / "out", folder / "scripts" / "good.py"
    gva_gallery("good", "-o", out)
    made = (out / "good" / "graph.svg").stat().st_mtime_ns
    assert "1 of 1 entries drawn" in (again := gva_gallery("good", "-o", out)).stdout
    assert "(1 unchanged)" in again.stdout
    assert (out / "good" / "graph.svg").stat().st_mtime_ns == made
    assert "unchanged" not in gva_gallery("good", "--force", "-o", out).stdout
    assert (out / "good" / "graph.svg").stat().st_mtime_ns > made
    script.write_text(script.read_text() + "print('changed')\n")
    assert "unchanged" not in gva_gallery("good", "-o", out).stdout
    assert "changed" in (out / "good" / "index.html").read_text(encoding="utf-8")


def test_drawing_one_entry_leaves_the_others_in_the_site(folder: Path) -> None:
    out = folder / "out"
    (folder / "scripts" / "bad.py").write_text(HEADER.format(title="Better") + GOOD)
    gva_gallery("good", "-o", out)
    assert "1 of 1 entries drawn" in gva_gallery("bad", "-o", out).stdout
    index = (out / "index.html").read_text(encoding="utf-8")
    assert index.index("Better") < index.index("Good")
    assert 'rel="prev" href="../bad/index.html"' in (out / "good" / "index.html").read_text()
    assert 'rel="next" href="../good/index.html"' in (out / "bad" / "index.html").read_text()


def test_a_folder_of_ones_own_scripts_and_notebooks_makes_a_site(tmp_path: Path) -> None:
    own = tmp_path / "my scripts"
    own.mkdir()
    wrong = "y = Wrong.apply(x)\ny.sum().backward()\n"
    function = (
        "class Wrong(torch.autograd.Function):\n"
        "    @staticmethod\n    def forward(ctx, x):\n        return 2 * x\n"
        "    @staticmethod\n    def backward(ctx, g):\n        return g\n"
    )
    (own / "train #1.py").write_text(
        '"""Mine.\n\nUsage: python it."""\nimport _part\n' + GOOD.replace("x.sum", "_part.f(x).sum")
    )
    (own / "wrong.py").write_text(
        f'"""<b>Mine</b>\n\nLook.\n\nTags: own\n"""\n{GOOD.splitlines()[0]}\n'
        f"{function}x = torch.ones(2, requires_grad=True)\n{wrong}"
    )
    cells = [
        {"cell_type": "code", "source": text, "metadata": {}, "outputs": [], "execution_count": 1}
        for text in (f"%time 1\n{GOOD}", "print('cell two')")
    ]
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    (own / "wrong.ipynb").write_text(json.dumps(book))
    (own / "_part.py").write_text("def f(x):\n    print('of two scripts')\n    return x.exp()\n")
    out = tmp_path / "site"
    result = gva_gallery(own, "-o", out)
    assert result.exit_code == 0, result.output
    assert names(out) == ["index.html", "train #1", "viewer.html", "wrong", "wrong.ipynb"]
    index = (out / "index.html").read_text(encoding="utf-8")
    assert "<strong>train #1.py</strong>" in index
    assert 'href="train%20%231/index.html"' in index
    assert "<strong>&lt;b&gt;Mine&lt;/b&gt;</strong>" in index
    page = (out / "train #1" / "index.html").read_text(encoding="utf-8")
    assert "Usage: python it." in page, "a docstring that is no header is code"
    assert "of two scripts" in page, "it imports what lies beside it"
    assert "<code>ExpBackward0</code> <small>_part.py:3</small>" in page
    assert str(tmp_path) not in "".join(
        path.read_text(encoding="utf-8") for path in out.rglob("*.*") if path.is_file()
    )
    assert "cell two" in (out / "wrong.ipynb" / "index.html").read_text(encoding="utf-8")
    page = (out / "wrong" / "index.html").read_text(encoding="utf-8")
    assert '<span class="failed">failed</span>' in page
    assert "#ff7b6b" in (out / "wrong" / "graph.svg").read_text(encoding="utf-8")


def test_what_another_script_imports_is_no_entry(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("def f(x):\n    return x.exp().sum()\n")
    (tmp_path / "mine.py").write_text("from helper import f\n" + GOOD.replace("x.sum()", "f(x)"))
    result = gva_gallery(tmp_path, "-o", tmp_path / "site")
    assert result.exit_code == 0
    assert f"1 of 1 entries drawn in {tmp_path / 'site'}" in result.stdout


def test_a_folder_without_scripts_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="holds no scripts"):
        gva_gallery(tmp_path)


def test_a_script_that_takes_too_long_is_stopped(folder: Path) -> None:
    (folder / "scripts" / "bad.py").write_text(
        HEADER.format(title="Slow") + "import torch, time\ntime.sleep(60)\n"
    )
    result = gva_gallery("bad", "-o", folder / "out", "--timeout", "0.5")
    assert result.exit_code == 1
    assert "bad.py was not done after 0.5 s" in result.stderr


def test_a_site_that_was_stopped_has_what_was_done_by_then(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = folder / "out"
    (folder / "scripts" / "bad.py").write_text(HEADER.format(title="Better") + GOOD)
    drawn = []

    def stopped(done: int, total: int) -> None:
        drawn.append(done)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.build(entries.find(), out, tell=stopped)
    index = (out / "index.html").read_text(encoding="utf-8")
    assert drawn == [1]
    assert 'href="good/index.html"' in index or 'href="bad/index.html"' in index
    assert "2 of 2 entries drawn" in gva_gallery("-o", out).stdout


def test_a_folder_that_cannot_be_made_is_one_line(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(OptionError, match="cannot write to .*file"):
        gva_gallery("-o", folder / "file" / "x")


def test_the_list_shows_names_and_titles_and_draws_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    result = gva_gallery("--list")
    assert names(folder) == ["scripts"]
    assert result.stdout.splitlines() == ["bad   Bad", "good  Good"]
    assert gva_gallery("scripts", "--list").stdout.splitlines() == result.stdout.splitlines()


def test_an_unknown_entry_is_named_with_its_neighbour() -> None:
    with pytest.raises(OptionError, match="no entry 'd2l_dit'; did you mean d2l_dot"):
        gva_gallery("d2l_dit")
