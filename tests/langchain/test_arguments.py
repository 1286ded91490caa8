"""Arguments that a class does not have: each class says so, and drops none in silence."""

import pytest

from maaskit.errors import InvalidInput
from maaskit.langchain import (
    QiniuOCRLoader,
    QiniuOCRParser,
    QiniuStreamingTranscriber,
    QiniuTranscriptLoader,
    SophNetDocumentLoader,
    SophNetDocumentParser,
    SophNetOCRLoader,
    SophNetOCRParser,
    SophNetSpeechChat,
    SophNetStreamingTranscriber,
    SophNetTranscriptLoader,
)

CLASSES = {
    QiniuOCRLoader: {"source": "a.png"},
    QiniuOCRParser: {},
    QiniuStreamingTranscriber: {},
    QiniuTranscriptLoader: {"source": "a.wav"},
    SophNetDocumentLoader: {"file_path": "a.pdf"},
    SophNetDocumentParser: {},
    SophNetOCRLoader: {"source": "a.png"},
    SophNetOCRParser: {},
    SophNetSpeechChat: {"model": "DeepSeek-v3", "project_id": "p"},
    SophNetStreamingTranscriber: {"project_id": "p"},
    SophNetTranscriptLoader: {"source": "a.wav"},
}


@pytest.mark.parametrize("made", CLASSES, ids=lambda made: made.__name__)
def test_a_misspelt_argument_is_refused_with_the_one_that_was_meant(made):
    with pytest.raises(InvalidInput, match=r"no argument time_out: did you mean timeout\?"):
        made(**CLASSES[made], api_key="sk-test", time_out=3)
    with pytest.raises(InvalidInput, match=r"no argument apikey: did you mean api_key\?") as caught:
        made(**CLASSES[made], api_key="sk-test", apikey="sk-secret")
    assert "sk-secret" not in str(caught.value)
    with pytest.raises(InvalidInput, match="no argument colour: about the connection there are api_key, base_url"):
        made(**CLASSES[made], api_key="sk-test", colour="red")
    made(**CLASSES[made], api_key="sk-test", timeout=3, max_retries=0, base_url="https://example.com/v1")
