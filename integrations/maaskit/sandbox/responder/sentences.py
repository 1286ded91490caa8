"""Sentences of a passage, and rows of its tables.

Which of them matter is weighed in `quoting`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

ENDS: Final = re.compile(
    r"(?<=[。\uff01\uff1f\uff1b!?])[”’」』\"']?(?=\S)|"
    r"(?<=[a-z0-9)\]%][.!?;])[\"'”’]?\s+(?=[A-Z0-9\u3400-\u9fff\"'“‘(\[])|"
    r"(?<=[!?。\uff01\uff1f])\s+"
)
ABBREVIATED: Final = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|Prof|St|No|Nos|Fig|Inc|Ltd|Co|vs|approx|e\.g|i\.e|etc)\.$")
TABLE_RULE: Final = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
HEADING: Final = re.compile(r"^\s*#{1,6}\s+(?P<title>.+?)\s*#*\s*$")
BULLET: Final = re.compile(r"^\s*(?:[-*+•·]|\d{1,2}[.)、])\s+")
LONGEST_LINE_JOINED: Final = 60
"""Lines of running text that were wrapped are at least this long, in characters; Chinese ones half of it."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that can be quoted.

    Args:
        text: What is quoted.
        context: What else helps to find it: the heading above it, the head of its table.
    """

    text: str
    context: str = ""


def sentences(text: str) -> list[Sentence]:
    """Cut a passage into what can be quoted from it.

    Args:
        text: Plain text or Markdown.

    Returns:
        Sentences, list items and table rows, in order; headings become the context of what follows.
    """
    found: list[Sentence] = []
    heading = ""
    for lines in _blocks(text):
        match = HEADING.match(lines[0])
        heading = match["title"].strip("* ") if match else heading
        block = lines[1:] if match else lines
        if len(block) > 1 and all("|" in line for line in block):
            found += _rows(block, heading)
            continue
        for line in _unwrapped(block):
            found += [Sentence(piece, heading) for piece in _cut(line)]
    return found


def _blocks(text: str) -> list[list[str]]:
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        is_row = line.strip().startswith("|")
        if not line.strip() or HEADING.match(line) or (blocks[-1] and is_row != blocks[-1][-1].strip().startswith("|")):
            blocks.append([])
        if line.strip():
            blocks[-1].append(line)
    return [block for block in blocks if block]


def _rows(block: list[str], heading: str) -> list[Sentence]:
    cells = [
        [cell.strip() for cell in line.strip().strip("|").split("|")] for line in block if not TABLE_RULE.match(line)
    ]
    head, *rows = cells
    found = []
    for row in rows:
        pairs = [f"{name}: {cell}" if name else cell for name, cell in zip(head, row, strict=False) if cell]
        found.append(Sentence(", ".join(pairs), heading))
    return found


def _unwrapped(block: list[str]) -> list[str]:
    """Join lines that belong to one paragraph; keep list items and short lines apart."""
    lines: list[str] = []
    open_end = False
    for raw in block:
        line = BULLET.sub("", raw).strip().replace("**", "")
        width = sum(2 if ord(c) > 0x2E80 else 1 for c in line)
        if lines and open_end and not BULLET.match(raw):
            glue = "" if ord(lines[-1][-1]) > 0x2E80 or ord(line[0]) > 0x2E80 else " "
            lines[-1] += glue + line
        else:
            lines.append(line)
        open_end = width >= LONGEST_LINE_JOINED and not re.search(r"[.。!?\uff01\uff1f:\uff1a;\uff1b]$", line)
    return [line for line in lines if line]


def _cut(line: str) -> list[str]:
    pieces, start = [], 0
    for match in ENDS.finditer(line):
        if ABBREVIATED.search(line[start : match.end()].rstrip()):
            continue
        pieces.append(line[start : match.end()].strip())
        start = match.end()
    pieces.append(line[start:].strip())
    return [piece for piece in pieces if piece and re.search(r"\w", piece)]
