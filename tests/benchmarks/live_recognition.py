"""A long recording over Qiniu's socket, against the sandbox: how long it takes, and what the client holds in memory.

Run it with ``python tests/benchmarks/live_recognition.py [minutes]``; the recording is spoken first. Memory is told on
Linux alone: elsewhere a process has no peak of its own that its parent's has no part in.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLIENT = """
import sys, time
from maaskit import Client, Qiniu
from maaskit.qiniu import transcription_stream

def peak():
    try:
        told = open("/proc/self/status").read()
    except OSError:
        return 0
    return int(told.split("VmHWM:")[1].split()[0])

path, url, key = sys.argv[1:]
before = peak()
started, used = time.perf_counter(), time.process_time()
with Client(Qiniu(api_key=key, base_url=url), timeout=600) as client:
    with client.connect(transcription_stream.listen(resume=True)) as talk:
        heard = [one for one in talk.feed(transcription_stream.pieces(path)) if one.is_final]
after = peak()
print(time.perf_counter() - started, time.process_time() - used, before, after, len(heard))
print(" ".join(one.text for one in heard))
"""


def record(path: Path, minutes: float) -> list[str]:
    """Speak sentences into a WAV file until it is long enough."""
    from maaskit.sandbox.engines import containers, speech, voices, wav
    from maaskit.sandbox.engines.sound import Sound
    from tests.sandbox.engines.sentences import sentences

    said: list[str] = []
    pcm = bytearray()
    rate = 16_000
    spoken = sentences(2026)
    while len(pcm) < minutes * 60 * rate * 2:
        some = list(islice(spoken, 1))
        pcm += containers.resampled(speech.speak(some[0], voices.named("a male")), rate).pcm + bytes(rate)
        said += some
    path.write_bytes(wav.pack(Sound(bytes(pcm), rate)))
    return said


def main() -> None:
    """Print the real-time factor and the client's peak memory."""
    from maaskit.sandbox import Sandbox
    from tests.sandbox.engines.sentences import word_errors

    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox:
        path = Path(folder, "recording.wav")
        started = time.perf_counter()
        said = record(path, minutes)
        seconds = (path.stat().st_size - 44) / 32_000
        print(f"{seconds:.0f} s of {len(said)} sentences, spoken in {time.perf_counter() - started:.0f} s")
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", CLIENT, str(path), sandbox.qiniu_url, sandbox.api_key],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONPATH": str(ROOT / "integrations")},
        )
    figures, heard = done.stdout.split("\n", 1)
    wall, used, before, after, finals = map(float, figures.split())
    print(f"real-time factor {wall / seconds:.3f} (recognition in the sandbox included)")
    print(f"client: {used:.2f} s of processor time = {used / seconds * 100:.2f} % of the recording")
    print(f"client: peak {after / 1024:.1f} MiB, {(after - before) / 1024:.1f} MiB above its imports")
    print(f"{finals:.0f} utterances, word error rate {word_errors(' '.join(said), re.sub(r'[.]', ' ', heard)):.3f}")


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "integrations")]
    main()
