"""What one cloud's chat has of its own, as a value.

A value and not abstract methods: core puts a tracing span around each implementation of an abstract method.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from maaskit.llama_index.parts import Intake
from maaskit.openai_chat.answer import ChatAnswer
from maaskit.openai_chat.stream import ChatDelta
from maaskit.provider import Provider
from maaskit.wire import Call, Stream


@dataclass(frozen=True, slots=True)
class Cloud:
    """Say how a cloud's chat is asked.

    Args:
        provider: Its provider.
        complete: Writes the request for a whole answer.
        stream: Writes the request for an answer in pieces.
        options: Fields of the LLM that both functions take beside those of the request.
        intake: What the chat takes beside text and images.
        knows_schemas: Whether it takes a ``response_format`` of type ``json_schema``.
        sees: Tells whether pictures that tools gave are put before a model.
        speak: Writes the request for an answer that is spoken as well, where the cloud has such.
    """

    provider: type[Provider]
    complete: Callable[..., Call[ChatAnswer]]
    stream: Callable[..., Stream[ChatDelta]]
    options: tuple[str, ...]
    intake: Intake
    knows_schemas: bool
    sees: Callable[[str], bool]
    speak: Callable[..., Stream[Any]] | None = None
