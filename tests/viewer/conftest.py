"""A real browser, and pages opened in it from files."""

from __future__ import annotations

import os
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from graphviz_autograd.emit import html
from graphviz_autograd.graph import Graph

CHROMIUM = runpy.run_path(str(Path(__file__).with_name("chromium.py")))

Opened = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium without a window. Its event loop is gone when the next module's tests run: some
    of those have a loop of their own.
    """
    from playwright.sync_api import sync_playwright

    path = CHROMIUM["find"]()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(CHROMIUM["MISSING"])
        pytest.skip(CHROMIUM["MISSING"])
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=arguments)
        yield started
        started.close()


class Watched:
    """Pages, and everything that they said or asked for and should not have."""

    def __init__(self, browser: Any, folder: Path) -> None:
        self.browser = browser
        self.folder = folder
        self.problems: list[str] = []
        self.contexts: list[Any] = []

    def open(
        self, graph: Graph | str, *, hash: str = "", ready: bool = True, **options: Any
    ) -> Any:
        """A page with this graph, from a file, once its first picture stands.

        options  `script=False` for a browser that runs none, `dark`, `viewport`, `before` for a
                 script that runs first, and a `folder` for the file; the rest is for the page
        """
        context = self.browser.new_context(
            viewport=options.pop("viewport", {"width": 1280, "height": 800}),
            java_script_enabled=options.pop("script", True),
            color_scheme="dark" if options.pop("dark", False) else "light",
            accept_downloads=True,
        )
        self.contexts.append(context)
        before = options.pop("before", "")
        if before:
            context.add_init_script(before)
        path = self.folder / options.pop("folder", ".") / "graph.html"
        path.parent.mkdir(exist_ok=True)
        if isinstance(graph, Graph):
            graph.save(path, **options)
        else:
            path.write_text(graph, encoding="utf-8")
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda said: self.problems.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.problems.append("dialog"), dialog.dismiss()))
        page.on("request", self.requested)
        page.goto(path.as_uri() + hash)
        if ready:
            page.wait_for_selector("html[data-state=ready]")
        return page

    def requested(self, request: Any) -> None:
        if not request.url.startswith(("file:", "blob:")):
            self.problems.append(f"asked for {request.url}")

    def close(self) -> None:
        for context in self.contexts:
            context.close()


@pytest.fixture
def watched(browser: Any, tmp_path: Path) -> Iterator[Watched]:
    """What opens pages; in the end none of them may have had a problem."""
    pages = Watched(browser, tmp_path)
    yield pages
    pages.close()
    assert pages.problems == []


@pytest.fixture
def opened(watched: Watched) -> Opened:
    """Opens a graph's page; see `Watched.open`."""
    return watched.open


@pytest.fixture(scope="module")
def modules(browser: Any) -> Iterator[Any]:
    """A page without content in which `modules["visible.js"]` and the others can be called."""
    page = browser.new_page()
    texts = [[name, html._text(name)] for name in html._modules() if name != "main.js"]
    page.evaluate(
        """async (texts) => {
          const urls = new Map();
          window.modules = {};
          for (const [name, text] of texts) {
            const path = / from "\\.\\/([\\w.-]+)";/g;
            const linked = text.replace(path, (_, one) => ` from "${urls.get(one)}";`);
            urls.set(name, URL.createObjectURL(new Blob([linked], { type: "text/javascript" })));
            window.modules[name] = await import(urls.get(name));
          }
        }""",
        texts,
    )
    yield page
    page.close()
