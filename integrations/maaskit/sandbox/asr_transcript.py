"""What Qiniu's live recognition has understood so far, and how it writes it.

Sounds are understood by `engines.recognition`; frames are written by `asr_frames`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from maaskit.sandbox.engines.recognition import Sentence
from maaskit.sandbox.variants import Variants


class Transcript:
    """Grow with each sentence, and write the whole of it.

    Args:
        reqid: The conversation's id.
        variants: The switches.
        whole: Whether a result has all that was said, or what is new alone (``result_type`` ``single``).
    """

    def __init__(self, reqid: str, variants: Variants, *, whole: bool = True) -> None:
        self._reqid = reqid
        self._variants = variants
        self._whole = whole
        self._final: list[Sentence] = []
        self._told = 0
        self._open: Sentence | None = None
        self.duration_ms = 0
        self.version = 0

    def take(self, sentences: Sequence[Sentence], duration_ms: int, *, goes_on: bool) -> bool:
        """Take in what the recogniser knows better now.

        Args:
            sentences: Final ones, and at last the one that goes on.
            duration_ms: How much sound has come.
            goes_on: Whether somebody is speaking; what was understood of a sentence that came to nothing is dropped.

        Returns:
            Whether anything is new.
        """
        if not sentences and (goes_on or self._open is None):
            return False
        self._told = len(self._final)
        self._final += [sentence for sentence in sentences if sentence.is_final]
        self._open = next((sentence for sentence in sentences if not sentence.is_final), None)
        self.duration_ms = duration_ms
        self.version += 1
        return True

    def first(self) -> dict[str, Any]:
        """Write the answer to the configuration.

        Returns:
            JSON.
        """
        answer: dict[str, Any] = {"reqid": self._reqid}
        if self._variants.asr_first == "empty_text":
            answer["result"] = self._shaped({"text": ""})
        return answer

    def result(self) -> dict[str, Any]:
        """Write what has been understood.

        Returns:
            ``{"reqid", "audio_info": {"duration"}, "result": {"text", "additions", "utterances"}}``.
        """
        shown = self._final if self._whole else self._final[self._told :]
        sentences = [*shown, *([self._open] if self._open else [])]
        result: dict[str, Any] = {
            "text": " ".join(sentence.text for sentence in sentences),
            "additions": {"log_id": self._reqid},
        }
        if self._variants.asr_utterances != "absent":
            result["utterances"] = [self._utterance(sentence) for sentence in sentences]
        info = {"duration": self.duration_ms}
        return {"reqid": self._reqid, "audio_info": info, "result": self._shaped(result)}

    def _shaped(self, result: dict[str, Any]) -> Any:
        return [result] if self._variants.asr_result == "list" else result

    def _utterance(self, sentence: Sentence) -> dict[str, Any]:
        told: dict[str, Any] = {
            "text": sentence.text,
            "start_time": sentence.begin_ms,
            "end_time": sentence.end_ms,
            "definite": sentence.is_final,
        }
        if self._variants.asr_utterances == "words":
            told["words"] = [
                {"text": word.text, "start_time": word.begin_ms, "end_time": word.end_ms, "blank_duration": 0}
                for word in sentence.words
            ]
        return told
