"""The site in a browser: it loads alone, search finds, and all of it can be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graphviz_autograd.gallery import build, pages
from graphviz_autograd.gallery.entries import find_own
from graphviz_autograd.gallery.highlight import highlighted

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


@pytest.fixture
def page(quiet_page: Any) -> Iterator[Any]:
    """A page at phone width, which says nothing and asks for nothing but files."""
    with quiet_page(viewport={"width": 390, "height": 844}) as page:
        yield page


def titles(page: Any) -> list[str]:
    return [card.inner_text() for card in page.locator(".card:visible strong").all()]


def wide(page: Any) -> bool:
    """Whether one must scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def test_the_index_is_in_parts_and_search_hides_those_that_hold_nothing(
    quiet_page: Any, tmp_path: Path
) -> None:
    for number, (name, part) in enumerate((("a", "Mine, 2"), ("b", "Models, 9"), ("c", "Mine, 1"))):
        text = SCRIPT.format(f"Title {number}", f"x\nPart: {part}")
        (tmp_path / f"{name}.py").write_text(
            f"{text}torch.ones(1, requires_grad=True).sum().backward()"
        )
    build.build(find_own(tmp_path), tmp_path / "out")
    with quiet_page() as page:
        page.goto((tmp_path / "out" / "index.html").as_uri())
        assert page.locator("h2").all_inner_texts() == ["Models", "Mine"]
        assert titles(page) == ["Title 1", "Title 2", "Title 0"]
        page.get_by_role("searchbox").fill("mine")
        assert page.locator("h2:visible").all_inner_texts() == ["Mine"]


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
    assert page.evaluate("document.querySelector('#picture img').naturalWidth") > 0
    assert page.evaluate("getComputedStyle(document.querySelector('.keyword')).color") == (
        "rgb(111, 63, 196)"
    )
    assert not wide(page)
    page.locator("a[rel=next]").click()
    assert page.locator("h1").inner_text() == "A <chain>"
    page.get_by_text("rnn & c#").click()
    assert titles(page) == ["A <chain>"]


def test_all_can_be_read_where_scripts_do_not_run(quiet_page: Any, site: Path) -> None:
    with quiet_page(java_script_enabled=False) as page:
        page.goto((site / "index.html").as_uri())
        assert titles(page) == ["First steps", "A <chain>"]
        assert not page.locator("#search").is_visible()
        page.get_by_text("First steps").click()
        assert page.get_by_role("img", name="The graph that one builds").is_visible()
        assert page.get_by_role("button").count() == 0


def test_the_graph_is_explored_in_place_and_left_again(page: Any, site: Path) -> None:
    """By keyboard alone, at phone width."""
    page.goto((site / "two" / "index.html").as_uri())
    assert page.locator("iframe").count() == 0, "loaded only when it is asked for"
    page.get_by_role("button", name="Explore").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#said", state="hidden")
    inner = page.frame_locator("iframe")
    assert inner.locator("h1").inner_text() == "A <chain>"
    assert inner.locator(".box", has_text="ExpBackward0").count() == 1
    assert not page.locator("#picture").is_visible()
    assert not wide(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Full window"
    page.keyboard.press("Enter")
    page.wait_for_function("document.fullscreenElement?.tagName === 'IFRAME'")
    page.evaluate("document.exitFullscreen()")
    page.get_by_role("button", name="Picture").press("Space")
    assert page.locator("#picture").is_visible()
    assert not page.locator("iframe").is_visible()


def test_a_graph_that_cannot_be_shown_says_so(site: Path, browser: Any, tmp_path: Path) -> None:
    broken = (site / "one" / "index.html").read_text(encoding="utf-8")
    broken = broken.replace("graphviz-autograd/graph", "something else")
    (tmp_path / "viewer.html").write_bytes((site / "viewer.html").read_bytes())
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "index.html").write_text(broken, encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "one" / "index.html").as_uri())
    page.get_by_role("button", name="Explore").click()
    page.get_by_text("The graph could not be shown").wait_for()
    page.close()


@pytest.mark.parametrize(("scheme", "name"), [("light", "graph.svg"), ("dark", "graph-dark.svg")])
def test_pictures_are_drawn_for_day_and_night(
    quiet_page: Any, site: Path, scheme: Any, name: str
) -> None:
    with quiet_page(color_scheme=scheme) as page:
        for folder in (".", "one"):
            page.goto((site / folder / "index.html").as_uri())
            sources = page.locator("img").evaluate_all("all => all.map(img => img.currentSrc)")
            assert {source.rpartition("/")[2] for source in sources} == {name}
            paper = "getComputedStyle(document.querySelector('.paper')).backgroundColor"
            dark = page.evaluate(paper) == "rgb(22, 24, 29)"
            assert dark == (scheme == "dark")
            assert ("#16181d" in (site / "one" / name).read_text(encoding="utf-8")) == dark


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
        assert "script-src 'sha256-" in html
        assert ("frame-src" in html) == (path.parent != site)


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
