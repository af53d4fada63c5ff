"""The site in a browser: it loads alone, search finds, and all of it can be read."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graphviz_autograd.gallery import build, pages
from graphviz_autograd.gallery.entries import find_own
from graphviz_autograd.gallery.highlight import highlighted

CHROMIUM = Path(__file__).parents[1] / "viewer" / "chromium.py"
SCRIPT = '"""{}\n\nLook.\n\nTags: {}\n"""\nimport torch\ntorch.ones(2, requires_grad=True).sum()\n'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of two entries."""
    folder = tmp_path_factory.mktemp("site")
    ends = "x = torch.ones(2, requires_grad=True)\ny = x.exp()\ny.sum().backward()\nprint('y', y)\n"
    for name, title, tags in (("one", "First steps", "d2l"), ("two", "A <chain>", "d2l, rnn & c#")):
        (folder / f"{name}.py").write_text(SCRIPT.format(title, tags) + ends)
    assert build.build(find_own(folder), folder / "out").failures == {}
    return folder / "out"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    known = runpy.run_path(str(CHROMIUM))
    path = known["find"]()
    if path is None:
        pytest.skip(known["MISSING"])
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page at phone width, which says nothing and asks for nothing but files."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "request",
        lambda asked: None if asked.url.startswith("file:") else problems.append(asked.url),
    )
    yield page
    page.close()
    assert problems == []


def titles(page: Any) -> list[str]:
    return [card.inner_text() for card in page.locator(".card:visible strong").all()]


def wide(page: Any) -> bool:
    """Whether one must scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def test_search_finds_titles_and_tags(page: Any, site: Path) -> None:
    page.goto((site / "index.html").as_uri())
    assert titles(page) == ["First steps", "A <chain>"]
    page.get_by_label("Search").fill("CHAIN d2l")
    assert titles(page) == ["A <chain>"]
    assert page.locator("#count").inner_text() == "1 of 2 entries"
    page.get_by_label("Search").fill("nothing of the kind")
    assert titles(page) == []
    page.get_by_label("Search").fill("")
    page.get_by_text("rnn & c#").click()
    assert titles(page) == ["A <chain>"]
    assert not wide(page)


def test_an_entry_is_reached_and_left_by_links(page: Any, site: Path) -> None:
    page.goto((site / "index.html").as_uri())
    page.get_by_text("First steps").click()
    assert page.locator("h1").inner_text() == "First steps"
    assert page.evaluate("document.querySelector('.picture img').naturalWidth") > 0
    assert page.evaluate("getComputedStyle(document.querySelector('.keyword')).color") == (
        "rgb(111, 63, 196)"
    )
    assert not wide(page)
    page.locator("a[rel=next]").click()
    assert page.locator("h1").inner_text() == "A <chain>"
    page.get_by_text("rnn & c#").click()
    assert titles(page) == ["A <chain>"]


def test_the_index_lists_all_where_scripts_do_not_run(browser: Any, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "index.html").as_uri())
    assert titles(page) == ["First steps", "A <chain>"]
    assert not page.locator("#search").is_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index.html", "one/index.html"])
def test_all_text_stands_out_from_its_background(
    browser: Any, site: Path, scheme: Any, name: str
) -> None:
    """4.5 to 1, as WCAG's level AA asks for."""
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto((site / name).as_uri())
    contrasts = page.evaluate(
        """() => {
          const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
          const light = (colour) => {
            const [r, g, b] = parts(colour).map((c) =>
              c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const behind = (element) => {
            const colour = getComputedStyle(element).backgroundColor;
            return parts(colour)[3] === 0 ? behind(element.parentElement) : colour;
          };
          const texts = [...document.body.querySelectorAll("*")].filter((element) =>
            [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
          return texts.filter((element) => element.tagName !== "SCRIPT").map((element) => {
            const pair = [light(getComputedStyle(element).color), light(behind(element))];
            return [(Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05), element.outerHTML];
          });
        }"""
    )
    assert len(contrasts) > 8
    assert [html for contrast, html in contrasts if contrast < 4.5] == []
    context.close()


def test_a_page_allows_nothing_from_elsewhere(site: Path) -> None:
    for path in (site / "index.html", site / "one" / "index.html"):
        html = path.read_text(encoding="utf-8")
        assert "default-src 'none'" in html
        assert "unsafe" not in html.split("<style>")[0]
        assert " style=" not in html
        assert ("script-src 'sha256-" in html) == (path.parent == site)


def test_code_that_python_cannot_read_is_shown_without_colours() -> None:
    assert highlighted("if x < (1\n") == (
        '<span class="line" id="L1" data-number="1">if x &lt; (1</span>\n'
        '<span class="line" id="L2" data-number="2"></span>'
    )


def test_a_string_of_several_lines_is_coloured_in_each() -> None:
    assert highlighted('def f(): """a\nb"""').split("\n") == [
        '<span class="line" id="L1" data-number="1"><span class="keyword">def</span> '
        '<span class="name">f</span>(): <span class="string">&quot;&quot;&quot;a</span></span>',
        '<span class="line" id="L2" data-number="2"><span class="string">b&quot;&quot;&quot;'
        "</span></span>",
    ]


def test_a_source_is_a_link_only_where_it_is_an_address() -> None:
    assert "<a" not in pages._source("javascript:alert(1)")
    linked = pages._source('https://example.org/"> (as it was)')
    assert 'href="https://example.org/&quot;&gt;" rel="noreferrer"' in linked
    assert linked.endswith("(as it was)</p>")
