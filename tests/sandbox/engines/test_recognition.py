from __future__ import annotations

import re
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest

from maaskit.sandbox.engines import containers, sound, speech, voices
from maaskit.sandbox.engines.endpointing import Endpointer
from maaskit.sandbox.engines.listeners import LISTENERS, Listeners
from maaskit.sandbox.engines.recognition import Recogniser, Sentence, recognise
from tests.sandbox.engines.sentences import sentences, word_errors, words_of

RATE = 16_000
VOICES = ("a male", "a female", "anyone", "another")


def spoken(text: str, voice: str = "a male") -> bytes:
    return containers.resampled(speech.speak(text, voices.named(voice)), RATE).pcm


def quiet(milliseconds: int) -> bytes:
    return sound.silence(milliseconds, RATE).pcm


def told(found: list[Sentence]) -> str:
    return " ".join(sentence.text for sentence in found)


@pytest.fixture(scope="module")
def two_sentences() -> bytes:
    first, second = islice(sentences(3), 2)
    return spoken(first) + quiet(400) + spoken(second)


def test_ordinary_sentences_are_understood() -> None:
    said = list(islice(sentences(1), 8))
    with ThreadPoolExecutor(2) as pool:
        sounds = pool.map(lambda pair: spoken(pair[1] + ".", VOICES[pair[0] % len(VOICES)]), enumerate(said))
        heard = pool.map(lambda pcm: told(list(recognise([pcm]))), list(sounds))
        rates = [word_errors(one, other) for one, other in zip(said, heard, strict=True)]
    assert statistics.median(rates) <= 0.30, rates


def test_the_same_sound_gives_the_same_words_however_it_is_cut(two_sentences: bytes) -> None:
    whole = list(recognise([two_sentences]))
    assert len(whole) == 2
    assert all(sentence.is_final for sentence in whole)
    for step in (999, 32_000):
        recogniser = Recogniser(partials=False)
        pieces = [two_sentences[at : at + step] for at in range(0, len(two_sentences), step)]
        found = [sentence for piece in pieces for sentence in recogniser.feed(piece)]
        assert [*found, *recogniser.finish()] == whole


@pytest.mark.parametrize("later_ms", [5, 17, 40, 101])
def test_who_joins_in_a_pause_hears_the_rest_as_everybody_does(two_sentences: bytes, later_ms: int) -> None:
    whole = list(recognise([two_sentences]))
    assert len(whole) == 2
    rest = list(recognise([two_sentences[(whole[0].end_ms + later_ms) * RATE // 1000 * 2 :]]))
    assert [sentence.plain for sentence in rest] == [whole[1].plain]
    begin_ms = rest[0].begin_ms + whole[0].end_ms + later_ms
    assert begin_ms == pytest.approx(whole[1].begin_ms, abs=10)


def test_words_lie_in_order_within_their_sound(two_sentences: bytes) -> None:
    words = [word for sentence in recognise([quiet(1000) + two_sentences]) for word in sentence.words]
    edges = [edge for word in words for edge in (word.begin_ms, word.end_ms)]
    assert edges == sorted(edges)
    assert edges[0] >= 800
    assert edges[-1] <= 1000 + len(two_sentences) // 32


def test_a_sentence_that_goes_on_is_given_before_it_ends(two_sentences: bytes) -> None:
    recogniser = Recogniser()
    found = [s for at in range(0, 80_000, 3200) for s in recogniser.feed(two_sentences[at : at + 3200])]
    assert found
    assert not found[0].is_final
    assert not found[0].text.endswith(".")
    assert recogniser.position_ms == 2500


def test_a_glance_tells_what_has_come_so_far() -> None:
    recogniser = Recogniser(partials=False)
    recogniser.feed(spoken("my friend bought a small house")[: 2 * RATE * 2])
    (sentence,) = recogniser.glance()
    assert not sentence.is_final
    assert set(words_of(sentence.text)) & {"my", "friend", "bought", "small", "house"}
    assert recogniser.glance() == []


@pytest.mark.parametrize(
    "pcm",
    [b"", b"\x00", quiet(2000), b"\x01\x00\xff\xff" * 16_000],
    ids=["nothing", "half a sample", "silence", "hiss"],
)
def test_nothing_is_heard_in_nothing(pcm: bytes) -> None:
    assert list(recognise([pcm])) == []


def test_a_whisper_is_understood_like_a_shout() -> None:
    loud = sound.Sound(spoken("the doctor lost some fresh bread before dinner"), RATE)
    soft = loud.louder(0.05)
    assert words_of(told(list(recognise([soft.pcm])))) == words_of(told(list(recognise([loud.pcm]))))


def test_speech_without_a_pause_is_parted_after_fifteen_seconds() -> None:
    rambling = " ".join(islice(sentences(5), 8))
    (pause_free,) = [spoken(rambling)]
    endpointer = Endpointer()
    ended = [*endpointer.feed(pause_free), endpointer.finish()]
    lengths = [len(utterance.pcm) / 32_000 for utterance in ended if utterance]
    assert max(lengths) <= 15
    assert sum(lengths) >= len(pause_free) / 32_000 * 0.9


def test_a_listener_that_breaks_is_replaced() -> None:
    listeners = Listeners(most=1)
    pcm = spoken("every child opened the window")
    before = listeners.hear(pcm)
    listeners._idle[0].kill()
    assert listeners.hear(pcm) == before
    listeners.close()
    listeners.close()
    assert listeners._idle == []


def test_one_that_breaks_twice_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maaskit.sandbox.engines.listeners._ask", lambda *_: None)
    with pytest.raises(RuntimeError, match="broke down"):
        Listeners(most=1).hear(b"\x00\x01")


def test_the_listeners_end_with_python() -> None:
    code = (
        "import sys, maaskit.sandbox.engines.listeners as m\n"
        "print(m.LISTENERS.hear(bytes(32000)), m.LISTENERS._idle[0].pid)"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-W", "error", "-X", "dev", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
        timeout=60,
    )
    assert done.stderr == ""
    pid = re.search(r"\d+$", done.stdout.strip())
    assert pid
    assert subprocess.run(["/bin/kill", "-0", pid.group()], check=False, capture_output=True).returncode  # noqa: S603


def test_those_of_this_process_are_shared() -> None:
    assert LISTENERS.hear(b"") == []
