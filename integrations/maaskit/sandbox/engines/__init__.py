"""The sandbox's working parts: pure functions that read documents and pictures and measure likeness.

No HTTP, no JSON shapes, no event loop: handlers call these in a thread and dress the results.
"""

from __future__ import annotations


class CannotRead(ValueError):
    """Say that an engine cannot read what it was given; the message is meant for the person who sent it."""
