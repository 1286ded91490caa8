"""The conversation with Qiniu's live recogniser: its frames in order, its end in every form, over both drivers."""

import asyncio
import contextlib
import gzip
import io
import itertools
import json
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit import AsyncClient, Client, InvalidInput, MaasError, Qiniu, RetryPolicy, SessionError, SessionTimedOut
from maaskit.qiniu import transcription_stream
from maaskit.transcript import Utterance
from tests.scripted_socket import ScriptedSocket, drop

KEY = "sk-test-0123"
BLOCK = 3200  # bytes of 100 ms


def say(value, *, sequence=1, flags=1, kind=9, packed=True, serialization=1):
    """Write a frame of the service's."""
    payload = json.dumps(value).encode() if not isinstance(value, bytes) else value
    payload = gzip.compress(payload, mtime=0) if packed else payload
    head = bytes((0x11, kind << 4 | flags, serialization << 4 | int(packed), 0))
    return head + (struct.pack(">i", sequence) if flags & 1 else b"") + struct.pack(">I", len(payload)) + payload


def text(words, **options):
    return say({"reqid": "r", "result": {"text": words}}, **options)


def opened(frame):
    """Take a frame of ours apart by the document's listing: kind, flags, sequence, payload."""
    assert frame[0] == 0x11
    assert frame[1] & 1
    assert frame[2] & 0x0F == 1
    sequence, size = struct.unpack_from(">iI", frame, 4)
    assert len(frame) == 12 + size
    return frame[1] >> 4, frame[1] & 0x0F, sequence, gzip.decompress(frame[12:])


def begun(**settings):
    protocol = transcription_stream.listen(**settings).protocol()
    return protocol, list(protocol.opening())


def test_the_configuration_is_the_documents():
    session = transcription_stream.listen()
    assert (session.request.method, session.request.path) == ("GET", "/voice/asr")
    (config,) = session.protocol().opening()
    kind, flags, sequence, payload = opened(config)
    assert (kind, flags, sequence, config[2] >> 4) == (1, 1, 1, 1)
    assert json.loads(payload) == {
        "user": {"uid": "maaskit"},
        "audio": {"format": "pcm", "sample_rate": 16000, "bits": 16, "channel": 1, "codec": "raw"},
        "request": {"model_name": "asr", "enable_punc": True},
    }
    _, (config,) = begun(uid="me", enable_punc=False, extra_request={"show_utterances": True})
    told = json.loads(opened(config)[3])
    assert told["user"] == {"uid": "me"}
    assert told["request"] == {"model_name": "asr", "enable_punc": False, "show_utterances": True}


@pytest.mark.parametrize(
    "wrong",
    [{"uid": 5}, {"uid": ""}, {"codec": None}, {"model_name": " "}, {"extra_request": 5}, {"extra_request": "x"}],
)
def test_a_configuration_that_cannot_be_is_refused(wrong):
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        begun(**wrong)


def test_packets_are_numbered_and_the_last_has_a_real_piece_and_a_negative_number():
    protocol, _ = begun(segment_ms=100)
    audio = bytes(range(256)) * 25
    frames = [*protocol.send(audio), *protocol.closing()]
    read = [opened(frame) for frame in frames]
    assert [(kind, flags, sequence, len(data)) for kind, flags, sequence, data in read] == [
        (2, 0b0001, 2, 3200),
        (2, 0b0011, -3, 3200),
    ]
    assert b"".join(data for *_, data in read) == audio
    with pytest.raises(InvalidInput, match="closed"):
        protocol.send(b"more")


@given(st.lists(st.binary(max_size=5000), max_size=12))
def test_any_split_of_the_audio_gives_the_same_packets(pieces):
    protocol, _ = begun(segment_ms=100)
    frames = [frame for piece in pieces for frame in protocol.send(piece)]
    read = [opened(frame) for frame in [*frames, *protocol.closing()]]
    assert b"".join(data for *_, data in read) == b"".join(pieces)
    assert [sequence for _, _, sequence, _ in read[:-1]] == list(range(2, 1 + len(read)))
    assert all(len(data) == BLOCK for *_, data in read[:-1])
    assert bool(read[-1][3]) == any(pieces)


def test_a_long_piece_is_cut_while_it_is_sent():
    protocol, _ = begun()
    frames = iter(protocol.send(bytes(10_000_000)))
    assert len(opened(next(frames))[3]) == 6400


def test_a_wav_is_sent_as_the_samples_in_it():
    protocol, (config,) = begun(format="wav")
    assert json.loads(opened(config)[3])["audio"]["format"] == "pcm"
    data = wav_of(b"\x01\x02" * 4000)
    frames = [
        *protocol.send(data[:10]),
        *protocol.send(data[10:5000]),
        *protocol.send(data[5000:]),
        *protocol.closing(),
    ]
    assert b"".join(opened(frame)[3] for frame in frames) == b"\x01\x02" * 4000


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"format": "mp3"}, "format must be one of pcm, wav, not 'mp3'.*transcribe"),
        ({"sample_rate": 8000}, "sample_rate must be 16000, not 8000"),
        ({"bits": 8}, "bits must be 16"),
        ({"channel": 2}, "channel must be 1"),
        ({"segment_ms": 99}, "100 to 300"),
        ({"segment_ms": 301}, "100 to 300"),
        ({"segment_ms": True}, "100 to 300"),
        ({"format": "wav", "resume": True}, "resume=True needs format='pcm'"),
    ],
)
def test_other_audio_is_refused_before_anything_is_sent(settings, why):
    with pytest.raises(InvalidInput, match=why):
        transcription_stream.listen(**settings)


def wav_of(samples, rate=16000):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, rate, 0, "NONE", ""))
        writer.writeframes(samples)
    return file.getvalue()


def test_a_local_recording_is_taken_apart_while_it_is_sent(tmp_path):
    samples = b"\x01\x02" * 20_000
    wav, raw = tmp_path / "talk.wav", tmp_path / "talk.pcm"
    wav.write_bytes(wav_of(samples))
    raw.write_bytes(samples)
    for source in (wav, str(raw), wav_of(samples), samples):
        taken = list(transcription_stream.pieces(source, piece_ms=500))
        assert b"".join(taken) == samples
        assert max(map(len, taken)) <= 16_000


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("https://a/b.wav", "transcribe"),
        ("nowhere.wav", "no file"),
        (b"", "empty"),
        (b"ID3\x04" + bytes(50), "audio/mpeg; the socket takes.*ffmpeg"),
    ],
)
def test_other_recordings_are_refused_before_anything_is_sent(source, why):
    with pytest.raises(InvalidInput, match=why):
        transcription_stream.pieces(source)


def test_a_recording_of_another_rate_is_refused_when_its_header_comes():
    with pytest.raises(InvalidInput, match="44100 Hz"):
        list(transcription_stream.pieces(wav_of(b"ab", rate=44100)))


def test_only_bytes_are_audio():
    protocol, _ = begun()
    with pytest.raises(InvalidInput, match="bytes, not str"):
        protocol.send("audio")
    assert list(protocol.send(bytearray(4))) == []


@pytest.mark.parametrize(
    "end",
    [
        {"flags": 0b0011, "sequence": -4},
        {"flags": 0b0001, "sequence": -4},
        {"flags": 0b0010},
        {"flags": 0b0011, "sequence": 4},
        {"flags": 0b0011, "sequence": -4, "packed": False, "serialization": 0},
    ],
)
def test_the_last_answer_is_known_by_flag_or_sign(end):
    protocol, _ = begun()
    protocol.closing()
    assert list(protocol.receive(text("好"))) == [Utterance("好", 0, None)]
    assert protocol.owing
    assert list(protocol.receive(text("好的", **end))) == [Utterance("好的", 0, None, is_final=True)]
    assert protocol.finished
    assert not protocol.owing
    assert list(protocol.closed(1000, "")) == []


def test_the_acknowledgement_of_the_last_packet_is_not_the_last_answer():
    protocol, _ = begun()
    protocol.closing()
    list(protocol.receive(text("好")))
    assert list(protocol.receive(bytes((0x11, 0xB3, 0x10, 0)) + struct.pack(">i", -2))) == []
    assert not protocol.finished
    (heard,) = protocol.receive(text("好的", flags=3, sequence=-2))
    assert heard.is_final


def test_a_normal_close_after_the_last_packet_is_an_end_and_another_is_none():
    protocol, _ = begun()
    list(protocol.receive(text("好")))
    with pytest.raises(SessionError, match="code 1000"):
        protocol.closed(1000, "")
    protocol.closing()
    with pytest.raises(SessionError, match="lost"):
        protocol.closed(None, "")
    assert list(protocol.closed(1000, "")) == [Utterance("好", 0, None, is_final=True)]


def test_a_normal_close_of_a_service_that_never_answered_is_no_empty_transcript():
    protocol, _ = begun()
    protocol.closing()
    with pytest.raises(SessionError, match="code 1000"):
        protocol.closed(1000, "")


def test_text_messages_are_json_or_text():
    protocol, _ = begun()
    assert list(protocol.receive('{"result":{"text":"好"}}')) == [Utterance("好", 0, None)]
    assert list(protocol.receive("好的")) == [Utterance("好的", 0, None)]
    assert list(protocol.receive("")) == []


@pytest.mark.parametrize(
    ("frame", "code", "why"),
    [
        (bytes((0x11, 0xF0, 0x10, 0)) + struct.pack(">II", 45000002, 5) + b"empty", "45000002", r"\(45000002\): empty"),
        (bytes((0x11, 0xF0, 0x10, 0)) + struct.pack(">II", 7, 15) + b'{"error":"bad"}', "7", "bad"),
        (say({"code": 45000081, "message": "no packet came"}), "45000081", "no packet came"),
        (say({"error": {"message": "no quota"}}), None, "no quota"),
        ('{"error":"unauthorized"}', None, "unauthorized"),
        (bytes((0x11, 0xF0, 0, 0)), None, "no explanation"),
    ],
)
def test_errors_of_the_service_are_raised_with_code_and_words(frame, code, why):
    protocol, _ = begun()
    with pytest.raises(SessionError, match=why) as caught:
        protocol.receive(frame)
    assert caught.value.code == code


Frame = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20),
    st.tuples(
        st.integers(0, 15),
        st.integers(0, 15),
        st.integers(0, 15),
        st.integers(-9, 9),
        st.booleans(),
        st.text(max_size=9),
    ).map(
        lambda t: say({"result": {"text": t[5]}}, kind=t[0], flags=t[1], serialization=t[2], sequence=t[3], packed=t[4])
    ),
)


@given(st.lists(Frame, max_size=8), st.sampled_from([None, 1000, 1006, 1011]))
def test_any_conversation_gives_utterances_or_an_error(received, code):
    protocol, _ = begun()
    protocol.closing()
    with contextlib.suppress(MaasError):
        for frame in received:
            assert all(isinstance(item, Utterance) for item in protocol.receive(frame))
        assert all(item.is_final for item in protocol.closed(code, ""))


# Over the wire.


class Recogniser:
    """A service that hears words: a packet's samples are numbers, and each block of 100 ms is a word.

    A sentence has ``sentence`` words. It answers every packet, and can drop the connection after some packets.
    """

    def __init__(self, *, sentence=10, drops=(), utterances=True, acknowledges=False, config_answer=True):
        self.sentence, self.drops, self.utterances = sentence, list(drops), utterances
        self.acknowledges, self.config_answer = acknowledges, config_answer
        self.connections = 0
        self.packets = 0

    def __call__(self, connection):
        self.connections += 1
        kind, _, sequence, config = opened(connection.recv())
        assert (kind, sequence) == (1, 1)
        assert json.loads(config)["audio"]["sample_rate"] == 16000
        if self.config_answer:
            connection.send(say({"result": {}}, sequence=1))
        audio, packets, quota = b"", 0, self.drops.pop(0) if self.drops else None
        while True:
            kind, flags, sequence, data = opened(connection.recv())
            assert kind == 2
            assert abs(sequence) == packets + 2
            if packets == quota:
                drop(connection)
                return
            packets += 1
            self.packets += 1
            audio += data
            last = bool(flags & 2)
            assert (sequence < 0) is last
            if self.acknowledges:
                connection.send(bytes((0x11, 0xB1, 0x10, 0)) + struct.pack(">i", sequence))
            connection.send(say(self.heard(audio, last=last), sequence=sequence, flags=3 if last else 1))
            if last:
                connection.recv()  # our goodbye
                return

    def heard(self, audio, *, last):
        words = [f"w{struct.unpack_from('<h', audio, place)[0]}" for place in range(0, len(audio) - BLOCK + 1, BLOCK)]
        result = {"text": " ".join(words)}
        if self.utterances:
            result["utterances"] = [
                {
                    "text": " ".join(some),
                    "start_time": start * 100,
                    "end_time": (start + len(some)) * 100,
                    "definite": len(some) == self.sentence or last,
                    "words": [
                        {"text": word, "start_time": (start + i) * 100, "end_time": (start + i + 1) * 100}
                        for i, word in enumerate(some)
                    ],
                }
                for start in range(0, len(words), self.sentence)
                if (some := words[start : start + self.sentence])
            ]
        return {"audio_info": {"duration": len(audio) // 32}, "result": result}


def recording(words):
    return b"".join(struct.pack("<h", number) * 1600 for number in range(words))


@pytest.fixture
def server():
    server = ScriptedSocket()
    yield server
    server.close()
    assert server.errors == []


@pytest.fixture(params=["sync", "async"])
def recognise(request, server):
    """Feed pieces to a recogniser and give what it said."""

    def run(recogniser, pieces, **settings):
        server.script(recogniser)
        provider = Qiniu(api_key=KEY, base_url=server.url + "/v1")
        policy = RetryPolicy(first_delay_s=0.01, max_delay_s=0.02)
        what = transcription_stream.listen(segment_ms=100, **settings)
        if request.param == "sync":
            with Client(provider, timeout=30, retry_policy=policy) as client, client.connect(what) as talk:
                return list(talk.feed(pieces))

        async def main():
            async with AsyncClient(provider, timeout=30, retry_policy=policy) as client, client.connect(what) as talk:
                return [item async for item in talk.feed(pieces)]

        return asyncio.run(main())

    return run


def finals(heard):
    return [(item.text, item.begin_ms, item.end_ms) for item in heard if item.is_final]


def expected(words, sentence=10):
    return [
        (
            " ".join(f"w{n}" for n in range(start, min(words, start + sentence))),
            start * 100,
            min(words, start + sentence) * 100,
        )
        for start in range(0, words, sentence)
    ]


def pieces(words, size=1111):
    audio = recording(words)
    return [audio[start : start + size] for start in range(0, len(audio), size)]


@pytest.mark.parametrize("options", [{}, {"acknowledges": True}, {"config_answer": False}])
def test_a_recording_is_heard(recognise, server, options):
    heard = recognise(Recogniser(**options), pieces(35))
    assert finals(heard) == expected(35)
    assert any(not item.is_final for item in heard)
    assert heard[-1].words[-1].text == "w34"
    assert heard[-1].words[-1].end_ms == 3500
    assert server.paths == ["/v1/voice/asr"]
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


def test_without_sentences_the_text_grows_and_is_final_at_the_end(recognise):
    heard = recognise(Recogniser(utterances=False), pieces(12))
    assert finals(heard) == [(" ".join(f"w{n}" for n in range(12)), 0, 1200)]
    assert heard[0].text == "w0"


def test_a_dropped_socket_is_an_error_without_resume(recognise):
    with pytest.raises(SessionError, match="lost"):
        recognise(Recogniser(drops=[7]), pieces(35))


@pytest.mark.parametrize("utterances", [True, False])
def test_five_drops_lose_and_double_no_word(recognise, utterances):
    recogniser = Recogniser(drops=[7, 13, 2, 25, 11], utterances=utterances)
    heard = recognise(recogniser, pieces(60), resume=True)
    assert recogniser.connections == 6
    if utterances:
        said = " ".join(text for text, *_ in finals(heard))
        assert said == " ".join(f"w{n}" for n in range(60))
        times = [(begin, end) for _, begin, end in finals(heard)]
        assert times[0][0] == 0
        assert times[-1][1] == 6000
        assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(times))
        assert all(word.begin_ms == int(word.text[1:]) * 100 for item in heard if item.is_final for word in item.words)
    else:
        assert finals(heard) == [(" ".join(f"w{n}" for n in range(60)), 0, 6000)]


def test_an_outage_is_outlasted(recognise, server):
    recogniser = Recogniser(drops=[7])

    def serve(connection):
        if recogniser.connections == 0:
            server.dropped_handshakes = 10
        recogniser(connection)

    heard = recognise(serve, pieces(35), resume=True)
    assert finals(heard) == expected(35)
    assert server.dropped_handshakes == 0


def test_a_drop_after_the_last_packet_is_resumed_too(recognise):
    recogniser = Recogniser(drops=[21, 0], sentence=5)
    heard = recognise(recogniser, [recording(22)], resume=True)
    assert " ".join(text for text, *_ in finals(heard)) == " ".join(f"w{n}" for n in range(22))


def test_a_service_that_always_drops_is_given_up(recognise):
    recogniser = Recogniser(drops=[0] * 100)
    with pytest.raises(SessionError, match="lost"):
        recognise(recogniser, pieces(5), resume=True)
    assert 3 <= recogniser.connections <= 10


def test_a_refusal_is_not_resumed(recognise):
    def refuse(connection):
        connection.recv()
        connection.send(bytes((0x11, 0xF0, 0x10, 0)) + struct.pack(">II", 45000001, 3) + b"bad")
        connection.recv()

    with pytest.raises(SessionError, match="45000001"):
        recognise(refuse, pieces(500), resume=True)


def test_a_stalled_recogniser_is_an_error(server):
    server.script(lambda connection: [connection.recv() for _ in range(100)])
    what = transcription_stream.listen()
    with Client(Qiniu(api_key=KEY, base_url=server.url), timeout=1) as client, client.connect(what) as talk:
        talk.send(recording(1))
        talk.close()
        with pytest.raises(SessionTimedOut):
            list(talk)


def test_a_file_can_be_sent_as_if_it_were_spoken_now():
    session = transcription_stream.listen()
    assert session.duration_s(recording(3)) == pytest.approx(0.3)
    assert session.passing(Utterance("x"))
    assert not session.passing(Utterance("x", is_final=True))
