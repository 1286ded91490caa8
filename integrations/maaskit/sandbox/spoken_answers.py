"""An answer that is written and spoken at once: chunks of text, and between and behind them frames of sound.

Text is planned by `chat` and cut by `chat_chunks`, sound is made in `speech_making`; handlers send both.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from typing import Any, Final

from maaskit.sandbox.chat_chunks import Reply, chunks
from maaskit.sandbox.speech_making import SpeechMaker, finish_event, frame_events
from maaskit.sandbox.speech_orders import SpeechOrder
from maaskit.sandbox.speech_sentences import Sentences
from maaskit.sandbox.state import SandboxState

LAG: Final = 2
"""So many chunks of text come between a sentence and its sound, which is made meanwhile."""


async def spoken(reply: Reply, order: SpeechOrder, state: SandboxState) -> AsyncGenerator[dict[str, Any], None]:
    """Write and speak an answer; of several answers the first is spoken.

    Args:
        reply: The answer.
        order: How it is to be spoken.
        state: The sandbox.

    Yields:
        Chunks, and speech events of which the last one has the status ``finish``; the same order each time.

    Source:
        SophNet, Chat completions + Text to voice, *响应示例*.
    """
    speaker = _Speaker(await state.work(SpeechMaker, order), reply, state)
    try:
        for chunk in chunks(reply):
            yield chunk
            for event in await speaker.hear(text_in(chunk)):
                yield event
        async for event in speaker.finish():
            yield event
    finally:
        speaker.stop()


def text_in(chunk: Mapping[str, Any]) -> str:
    """Read what a chunk adds to the text of the first answer.

    Args:
        chunk: A ``chat.completion.chunk``.

    Returns:
        Text; empty for reasoning and tool calls.
    """
    choices = [choice for choice in chunk["choices"] if choice["index"] == 0]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


class _Speaker:
    """Speak sentence after sentence in a worker while text goes on."""

    def __init__(self, maker: SpeechMaker, reply: Reply, state: SandboxState) -> None:
        self._maker, self._variants, self._state = maker, reply.variants, state
        self._sentences = Sentences()
        self._waiting: deque[str] = deque()
        self._making: asyncio.Task[list[bytes]] | None = None
        self._chunks = 0

    async def hear(self, text: str) -> list[dict[str, Any]]:
        """Take a chunk's text; now and then give the sound of an earlier sentence."""
        self._waiting.extend(self._sentences.feed(text))
        if self._making is None:
            self._start()
            return []
        self._chunks += 1
        return list(await self._collect()) if self._chunks >= LAG else []

    async def finish(self) -> AsyncIterator[dict[str, Any]]:
        """Give all the sound that is left, and the end."""
        self._waiting.extend(self._sentences.finish())
        self._start()
        while self._making is not None:
            for event in await self._collect():
                yield event
        last = await self._state.work(self._maker.finish)
        ending = last.pop() if self._variants.speech_finish == "with_audio" and last else None
        for event in self._events(last):
            yield event
        yield finish_event(self._maker.characters, self._variants, ending)

    def stop(self) -> None:
        """Let what is being made go."""
        if self._making is not None:
            self._making.cancel()

    def _start(self) -> None:
        if self._making is None and self._waiting:
            self._chunks = 0
            work = self._state.work(self._maker.feed, self._waiting.popleft())
            self._making = asyncio.get_running_loop().create_task(work)

    async def _collect(self) -> Iterator[dict[str, Any]]:
        frames = await self._making if self._making is not None else []
        self._making = None
        self._start()
        return self._events(frames)

    def _events(self, frames: list[bytes]) -> Iterator[dict[str, Any]]:
        for frame in frames:
            yield from frame_events(frame, self._variants)
