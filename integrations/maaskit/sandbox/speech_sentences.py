"""A text that grows word by word, parted into sentences that can be spoken while the next one is being written.

Nothing is spoken here.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 240
"""Characters; a sentence that is longer is spoken up to its last comma, or up to here."""

_END: Final = re.compile(r"[。！？!?；;\n]+[”’\"')）」』】]*|[.…]+[”’\"')）」』】]*(?=\s)")
"""A full stop ends a sentence only before a space: 3.14 and example.com do not end with theirs."""
_LETTER: Final = re.compile(r"[^\W\d_]")
"""Without one, a number and its full stop are the beginning of an item, not a sentence."""
_COMMA: Final = re.compile(r"[,，、:：]\s?|\s")


class Sentences:
    """Collect a text and give each sentence once it is whole; joined, the sentences are the text."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, text: str) -> list[str]:
        """Take the next piece of the text.

        Args:
            text: Any number of characters.

        Returns:
            The sentences that are whole now.
        """
        self._rest += text
        whole = []
        while (end := self._end()) is not None:
            whole.append(self._rest[:end])
            self._rest = self._rest[end:]
        return whole

    def finish(self) -> list[str]:
        """End the text.

        Returns:
            What was left of it, or nothing.
        """
        rest, self._rest = self._rest, ""
        return [rest] if rest else []

    def _end(self) -> int | None:
        for found in _END.finditer(self._rest):
            # What stands at the very end may go on: further marks, or a quotation mark that closes.
            if found.end() < len(self._rest) and _LETTER.search(self._rest, 0, found.start()):
                return found.end()
        if len(self._rest) <= LONGEST:
            return None
        commas = [found.end() for found in _COMMA.finditer(self._rest, 0, LONGEST)]
        return commas[-1] if commas else LONGEST
