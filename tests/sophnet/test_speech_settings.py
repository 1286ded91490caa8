"""The settings of SophNet's speech: what is sent, and every limit that is refused before anything is."""

import math

import pytest

from maaskit.errors import InvalidInput
from maaskit.sophnet.speech_settings import AudioFormat, speech_param


def test_the_documents_example_is_written_as_it_stands():
    param = speech_param(
        voice="longxiaochun", format="WAV_16000HZ_MONO_16BIT", volume=80, speech_rate=1.2, pitch_rate=1.0
    )

    assert param == {
        "model": "cosyvoice-v1",
        "voice": "longxiaochun",
        "format": "WAV_16000HZ_MONO_16BIT",
        "volume": 80,
        "speechRate": 1.2,
        "pitchRate": 1.0,
    }


def test_what_is_unset_is_not_sent():
    assert speech_param() == {"model": "cosyvoice-v1"}
    assert speech_param(model="cosyvoice-v2") == {"model": "cosyvoice-v2"}
    assert speech_param(model=None) == {}


@pytest.mark.parametrize(
    ("name", "good", "bad", "limits"),
    [
        ("volume", (0, 50, 100), (-1, 100.1, math.nan, math.inf, True, "80"), "0 to 100"),
        ("speech_rate", (0.5, 1, 2), (0.49, 2.01, 0, math.nan, False, "1"), "0.5 to 2"),
        ("pitch_rate", (0.5, 1, 2), (0.49, 2.01, -1, math.inf, True, None.__class__), "0.5 to 2"),
    ],
)
def test_numbers_stay_within_the_documents_ranges(name, good, bad, limits):
    written = {"volume": "volume", "speech_rate": "speechRate", "pitch_rate": "pitchRate"}[name]
    for value in good:
        assert speech_param(**{name: value})[written] == value
    for value in bad:
        with pytest.raises(InvalidInput, match=f"{name} must be a number from {limits}"):
            speech_param(**{name: value})


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("MP3_16000HZ_MONO_128KBPS", AudioFormat("MP3_16000HZ_MONO_128KBPS", "mp3", 16000, 1, None, 128)),
        ("WAV_16000HZ_MONO_16BIT", AudioFormat("WAV_16000HZ_MONO_16BIT", "wav", 16000, 1, 16)),
        ("PCM_16000HZ_MONO_16BIT", AudioFormat("PCM_16000HZ_MONO_16BIT", "pcm", 16000, 1, 16)),
        # Speech chat's own default, which the list of text to voice does not have.
        ("MP3_22050HZ_MONO_256KBPS", AudioFormat("MP3_22050HZ_MONO_256KBPS", "mp3", 22050, 1, None, 256)),
        ("wav_8000hz_stereo_16bit", AudioFormat("WAV_8000HZ_STEREO_16BIT", "wav", 8000, 2, 16)),
    ],
)
def test_formats_are_taken_apart(text, parsed):
    assert AudioFormat.of(text) == parsed
    assert speech_param(format=text)["format"] == parsed.name


@pytest.mark.parametrize(
    "text", ["wav", "", "MP3_16000_MONO_128KBPS", "MP3-16000HZ-MONO-128KBPS", "MP3_0HZ_MONO_8BIT", 3]
)
def test_formats_of_another_shape_are_refused(text):
    with pytest.raises(InvalidInput, match="format must be container_samplingrate_channels_rate, such as MP3_16000HZ"):
        speech_param(format=text)


def test_other_containers_are_refused_where_the_document_speaks():
    with pytest.raises(InvalidInput, match="format must begin with MP3, WAV or PCM"):
        speech_param(format="OGG_16000HZ_MONO_32KBPS")

    # Of a model that the document does not list, only the shape is known.
    assert speech_param(model="cosyvoice-v9", format="OGG_16000HZ_MONO_32KBPS")["format"] == "OGG_16000HZ_MONO_32KBPS"


@pytest.mark.parametrize("name", ["model", "voice"])
@pytest.mark.parametrize("value", ["", "  ", 7])
def test_names_are_not_empty(name, value):
    with pytest.raises(InvalidInput, match=f"{name} must be a name"):
        speech_param(**{name: value})


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("MP3_16000HZ_MONO_128KBPS", "audio/mpeg"),
        ("WAV_16000HZ_MONO_16BIT", "audio/wav"),
        ("PCM_16000HZ_MONO_16BIT", "audio/L16"),
    ],
)
def test_formats_know_their_media_type(name, kind):
    assert AudioFormat.of(name).content_type == kind
