"""Reasoning that an upstream leaves in the text between ``<think>`` and ``</think>``, taken out of it.

Reasoning that comes in a field of its own needs nothing of this.
"""

from __future__ import annotations

from typing import Literal

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkTags:
    """Part the beginning of one answer into reasoning and text, piece by piece.

    Only reasoning at the very beginning counts: later in a text the tags are the text's own.
    """

    def __init__(self) -> None:
        self._held = ""
        self._thought = False
        self._place: Literal["before", "inside", "after", "text"] = "before"

    def feed(self, text: str) -> tuple[str, str]:
        """Take the next piece of the text.

        Args:
            text: The piece; tags may be cut anywhere.

        Returns:
            The piece's share of the text and of the reasoning; what may be the beginning of a tag is held back.
        """
        if self._place == "text":
            return text, ""
        self._held += text
        reasoning = ""
        if self._place == "before":
            self._open()
        if self._place == "inside":
            reasoning = self._close()
        content = ""
        if self._place == "after":  # the blank lines between reasoning and answer belong to neither
            self._held = self._held.lstrip()
            if self._held:
                self._place = "text"
        if self._place == "text":
            content, self._held = self._held, ""
        return content, reasoning

    def end(self) -> tuple[str, str]:
        """Take the end of the answer.

        Returns:
            What was held back, as text or as reasoning.
        """
        held, self._held = self._held, ""
        inside = self._place == "inside"
        self._place = "text"
        return ("", held.strip()) if inside else (held, "")

    def _open(self) -> None:
        start = self._held.lstrip()
        if start.startswith(_OPEN):
            self._held = start[len(_OPEN) :]
            self._place = "inside"
        elif not _OPEN.startswith(start):
            self._place = "text"

    def _close(self) -> str:
        if not self._thought:  # the line break after the opening tag belongs to the tag
            self._held = self._held.lstrip()
        reasoning, found, rest = self._held.partition(_CLOSE)
        if found:
            self._held = rest
            self._place = "after"
            return reasoning.rstrip()
        sure = self._held[: len(self._held) - _cut_tag(self._held)].rstrip()
        self._held = self._held[len(sure) :]
        self._thought = self._thought or bool(sure)
        return sure


def _cut_tag(text: str) -> int:
    """Count the last characters that may be the beginning of the closing tag."""
    return next((size for size in range(len(_CLOSE) - 1, 0, -1) if text.endswith(_CLOSE[:size])), 0)


def split_think_tags(text: str) -> tuple[str, str]:
    """Part a whole answer into text and reasoning.

    Args:
        text: The answer.

    Returns:
        The text and the reasoning, which is empty when there is none.
    """
    tags = ThinkTags()
    content, reasoning = tags.feed(text)
    more_content, more_reasoning = tags.end()
    return content + more_content, reasoning + more_reasoning
