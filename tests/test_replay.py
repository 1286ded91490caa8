import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit.errors import SessionError
from maaskit.replay import AudioReplay, Patience
from maaskit.transcript import Utterance, Word

RATE = 32_000  # bytes per second: 16 kHz, 16 bit, mono
SECOND = b"\x01\x02" * (RATE // 2)


def test_audio_of_open_sentences_is_said_again_and_its_times_are_shifted():
    replay = AudioReplay(RATE, 2)
    for _ in range(4):
        replay.sent(SECOND)
    assert replay.received(Utterance("one", 0, 900)) == Utterance("one", 0, 900)
    assert replay.received(Utterance("one", 0, 1500, is_final=True)).end_ms == 1500
    assert b"".join(replay.again()) == SECOND * 2 + SECOND[: RATE // 2]
    heard = replay.received(Utterance("two", 100, 700, words=(Word("two", 100, 700),)))
    assert heard == Utterance("two", 1600, 2200, words=(Word("two", 1600, 2200),))
    replay.received(Utterance("two", 100, 1000, is_final=True))
    assert b"".join(replay.again()) == SECOND + SECOND[: RATE // 2]
    assert replay.received(Utterance("three", 0, 10)).begin_ms == 2500


def test_times_beyond_the_audio_settle_no_more_than_was_sent():
    replay = AudioReplay(RATE, 2)
    replay.sent(SECOND)
    replay.received(Utterance("one", 0, 999_999, is_final=True))
    assert replay.gained == len(SECOND)
    assert replay.again() == ()
    replay.sent(b"ab")
    assert replay.again() == (b"ab",)


def test_a_sentence_without_end_cannot_be_resumed():
    replay = AudioReplay(RATE, 2)
    replay.sent(SECOND)
    replay.received(Utterance("one", None, None, is_final=True))
    with pytest.raises(SessionError, match="where sentences end"):
        replay.again()


def test_what_is_kept_is_bounded():
    replay = AudioReplay(RATE, 2, max_kept_bytes=3 * RATE)
    for _ in range(100):
        replay.sent(SECOND)
        assert replay.kept_bytes <= 3 * RATE
    with pytest.raises(SessionError, match="no sentence ended"):
        replay.again()


@given(
    st.lists(st.integers(1, 5000), min_size=1, max_size=30),
    st.lists(st.integers(-100, 4000), max_size=10),
)
def test_nothing_is_lost_or_doubled(sizes, ends):
    replay = AudioReplay(RATE, 2)
    whole = bytes(index % 251 for index in range(sum(sizes)))
    start = 0
    for size in sizes:
        replay.sent(whole[start : start + size])
        start += size
    for end in ends:
        replay.received(Utterance("x", 0, end, is_final=True))
    settled = replay.gained
    assert settled % 2 == 0
    assert whole[settled:] == b"".join(replay.again())
    assert settled == 0 or settled <= max(ends) * RATE // 1000


def test_patience_ends_after_eight_connections_that_brought_nothing():
    patience = Patience()
    assert [patience.attempt(0, 1.0) for _ in range(9)] == [1, 2, 3, 4, 5, 6, 7, 8, None]
    patience = Patience()
    assert [patience.attempt(gained, 0.1) for gained in (0, 0, 5, 5, 9)] == [1, 2, 1, 2, 1]
    assert [patience.attempt(9, lasted) for lasted in (1.0, 40.0, 1.0)] == [2, 1, 2]
