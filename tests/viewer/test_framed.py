"""One viewer in a frame of another page, which gives it the graph: everything from files."""

from __future__ import annotations

import hashlib
import json
import runpy
from base64 import b64encode
from pathlib import Path
from typing import Any

from graphviz_autograd.emit import html

NETS = runpy.run_path(str(Path(__file__).with_name("nets.py")))

PARENT = """
const frame = document.querySelector("iframe");
const said = [];
const message = JSON.parse(document.getElementById("message").textContent);
addEventListener("message", (event) => {
  if (event.source !== frame.contentWindow) return;
  said.push(event.data);
  document.body.dataset.said = JSON.stringify(said);
  if (event.data.gva === "waiting") frame.contentWindow.postMessage(message, "*");
});
frame.src = "../viewer.html";
"""


def around(message: dict[str, Any]) -> str:
    """A page with the viewer in a frame, that allows itself one script and its frame alone."""
    digest = b64encode(hashlib.sha256(PARENT.encode()).digest()).decode()
    policy = f"default-src 'none'; script-src 'sha256-{digest}'; frame-src 'self' file:"
    held = json.dumps(message).replace("<", "\\u003c")
    return (
        f'<!DOCTYPE html><meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<title>An entry</title><body><iframe width="900" height="600"></iframe>'
        f'<script type="application/json" id="message">{held}</script>'
        f"<script>{PARENT}</script>"
    )


def told(page: Any, what: str) -> dict[str, Any]:
    """What the frame said to its page, once it said this."""
    page.wait_for_selector(f"body[data-said*='\"{what}\"']")
    said = json.loads(page.get_attribute("body", "data-said"))
    assert [one["gva"] for one in said] == ["waiting", what]
    return dict(said[-1])


def framed(opened: Any, tmp_path: Path, **message: Any) -> Any:
    (tmp_path / "viewer.html").write_text(html.waiting(), "utf-8")
    return opened(around({"gva": "show", **message}), ready=False, folder="entry")


def test_a_page_gives_its_graph_to_the_viewer_in_its_frame(opened: Any, tmp_path: Path) -> None:
    graph = NETS["net"]().collapse(1).to_json()
    page = framed(opened, tmp_path, graph=graph, title="Two layers </script>", theme="dark")
    told(page, "ready")
    inner = page.frame_locator("iframe")
    assert inner.locator("html[data-state=ready][data-theme=dark]").count() == 1
    assert inner.locator("#bar h1").inner_text() == "Two layers </script>"
    assert inner.locator(".box").count() == 5
    inner.locator('.box[data-node="5"]').click()
    assert "TanhBackward0" in inner.locator("#panel h2").inner_text()
    inner.locator("#fit").click()
    page.wait_for_timeout(400)
    assert "at=5" in page.frames[1].evaluate("location.hash")


def test_a_graph_that_is_none_is_told_to_the_page(
    opened: Any, tmp_path: Path, watched: Any
) -> None:
    page = framed(opened, tmp_path, graph='{"format": "something else"}')
    assert "no saved graph of version 1" in told(page, "failed")["reason"]
    inner = page.frame_locator("iframe")
    assert inner.locator("html[data-state=failed]").count() == 1
    assert "could not be shown" in inner.locator("body").inner_text()
    problems, watched.problems[:] = watched.problems[:], []
    assert all("no saved graph" in one for one in problems)


def test_only_the_page_around_it_is_heard_and_once(opened: Any, tmp_path: Path) -> None:
    page = framed(opened, tmp_path, gva="not now")
    page.wait_for_selector("body[data-said]")
    inner = page.frames[1]

    def shows(count: int) -> dict[str, str]:
        return {"gva": "show", "graph": NETS["chain"](count).to_json()}

    inner.evaluate("message => window.postMessage(message, '*')", shows(3))
    page.evaluate("message => frames[0].postMessage(message, '*')", shows(4))
    page.evaluate("message => frames[0].postMessage(message, '*')", shows(5))
    told(page, "ready")
    page.wait_for_timeout(300)
    assert page.frame_locator("iframe").locator(".box").count() == 4


def test_without_a_page_around_it_says_so(opened: Any, watched: Any) -> None:
    page = opened(html.waiting(), ready=False)
    page.wait_for_selector("html[data-state=failed]")
    assert "open that page" in page.inner_text("body")
    problems, watched.problems[:] = watched.problems[:], []
    assert all("open that page" in one for one in problems)
