"""The Chromium that the viewer's tests drive: one that is there, or one that can be had.

`python tests/viewer/chromium.py` finds one or installs one, as `make test` does: Debian's as root,
else Playwright's own. Where neither works it says so, and the tests that need one are skipped;
under CI=true they fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    "no Chromium to test the viewer with: install one (as root: apt-get install chromium; else: "
    "python -m playwright install chromium), or name one in GVA_CHROMIUM"
)


def find() -> str | None:
    """The path of a Chromium, if there is any."""
    named = os.environ.get("GVA_CHROMIUM")
    if named:
        return named
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    return _playwrights_own()


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install() -> None:
    """Tries to get one, in one way and then in the other."""
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], check=False)
    if find() is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


if __name__ == "__main__":
    if find() is None:
        install()
    print(find() or MISSING, file=sys.stderr)
