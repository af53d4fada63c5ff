"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# A test's first example may pay for importing torch, or for a busy machine.
settings.register_profile("house", deadline=None)
settings.load_profile("house")
