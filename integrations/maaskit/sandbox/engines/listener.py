"""The program that listens: run by its path in a process of its own, it reads sounds and writes words.

It imports nothing of the project. It is a process of its own because pocketsphinx keeps Python's global lock while it
decodes, for seconds at a time, and a server must go on answering meanwhile.

Standard input: a line of JSON with ``path`` (where packages are found), then for each sound a line of JSON
``{"bytes", "settings"}`` and its samples: 16 kHz, 16 bits, one channel. Standard output: for each sound a line of
JSON, a list of ``[word, first frame, last frame, probability]``; a frame is 10 ms.
"""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Any, BinaryIO

NOT_A_WORD = re.compile(r"[<\[+]")
"""How the dictionary marks silence and noises."""
VARIANT = re.compile(r"\(\d+\)$")
"""How it marks a word's further pronunciations."""


def main() -> int:
    """Listen until standard input ends.

    Returns:
        The exit code.
    """
    source, out = sys.stdin.buffer, sys.stdout.buffer
    sys.path[:] = json.loads(source.readline())["path"]
    if hasattr(os, "nice"):
        os.nice(1)  # whoever waits for an answer that is ready comes first
    decoders: dict[str, Any] = {}
    while line := source.readline():
        order = json.loads(line)
        sound = source.read(order["bytes"])
        if len(sound) < order["bytes"]:
            return 1
        _answer(out, _words(_decoder(decoders, order["settings"]), sound))
    return 0


def _decoder(decoders: dict[str, Any], settings: dict[str, Any]) -> Any:
    key = json.dumps(settings, sort_keys=True)
    if key not in decoders:
        import pocketsphinx  # type: ignore[import-untyped]  # noqa: PLC0415 -- found only once the path is set

        decoders[key] = pocketsphinx.Decoder(samprate=16000, loglevel="FATAL", **settings)
    return decoders[key]


def _words(decoder: Any, sound: bytes) -> list[list[Any]]:
    decoder.reinit_feat()  # or else the sound before would still be felt in this one
    decoder.start_utt()
    # As a whole utterance: its mean is known from the beginning.
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()
    if decoder.hyp() is None:
        return []
    return [
        [VARIANT.sub("", segment.word), segment.start_frame, segment.end_frame, round(min(1.0, segment.prob), 4)]
        for segment in decoder.seg()
        if not NOT_A_WORD.match(segment.word)
    ]


def _answer(out: BinaryIO, words: list[list[Any]]) -> None:
    out.write(json.dumps(words).encode() + b"\n")
    out.flush()


if __name__ == "__main__":
    sys.exit(main())
