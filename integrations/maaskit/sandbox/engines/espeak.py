"""The program that speaks: run by its path in a process of its own, it reads an order and writes samples.

It imports nothing of the project and nothing that is not in Python itself. It is a process of its own because
eSpeak NG keeps a wavering of the pitch from one utterance to the next that nothing resets, so that only a fresh
process says the same thing the same way twice; because a library in C that is given any text may break or hang;
and because eSpeak NG is under the GPL.

Standard input: a JSON object with ``library``, ``data`` (paths) and ``runs``, a list of ``{"language", "voice",
"words_per_minute", "text"}``. Standard output: the sample rate as four bytes, little-endian, then 16-bit samples.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

# From eSpeak NG's speak_lib.h.
AUDIO_OUTPUT_SYNCHRONOUS = 2
INITIALIZE_DONT_EXIT = 0x8000
RATE = 1
CHARS_UTF8 = 1
SEED = 1

Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def main() -> int:
    """Speak what standard input orders.

    Returns:
        The exit code; a reason stands on standard error when it is not 0.
    """
    order = json.load(sys.stdin.buffer)
    out = sys.stdout.buffer
    library = ctypes.CDLL(order["library"])
    rate = library.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, os.fsencode(order["data"]), INITIALIZE_DONT_EXIT)
    if rate <= 0:
        sys.stderr.write(f"eSpeak NG did not start (code {rate})")
        return 1
    out.write(rate.to_bytes(4, "little"))
    keep = Callback(lambda samples, count, _: _write(out, samples, count))
    library.espeak_SetSynthCallback(keep)
    library.espeak_ng_SetRandSeed(ctypes.c_long(SEED))
    with tempfile.TemporaryDirectory() as folder:
        # eSpeak NG takes a voice by its file alone: no directory of 60 letters or more, no capital letters.
        before = Path.cwd()
        os.chdir(folder)
        try:
            return next((code for run in order["runs"] if (code := _speak(library, order["data"], run))), 0)
        finally:
            os.chdir(before)
            out.flush()


def _speak(library: ctypes.CDLL, data: str, run: dict[str, Any]) -> int:
    language = Path(data, "lang", run["language"]).read_bytes()
    Path("voice").write_bytes(language + b"\n" + "\n".join(run["voice"]).encode() + b"\n")
    if library.espeak_ng_SetVoiceByFile(b"voice"):
        sys.stderr.write(f"eSpeak NG does not take the voice for {run['language']}")
        return 1
    library.espeak_SetParameter(RATE, int(run["words_per_minute"]), 0)
    text = run["text"].encode()
    code: int = library.espeak_Synth(text, len(text) + 1, 0, 0, 0, CHARS_UTF8, None, None)
    if code:
        sys.stderr.write(f"eSpeak NG does not speak (code {code})")
    return code


def _write(out: BinaryIO, samples: Any, count: int) -> int:
    if samples and count > 0:
        out.write(ctypes.string_at(samples, count * 2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
