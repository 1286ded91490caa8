"""The socket under a voice agent, behind LlamaIndex's own base: opened, spoken to, listened to, closed.

What is said over it stands in ``maaskit.sophnet.speech_chat``; the transport is not known here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from llama_index.core.voice_agents import BaseVoiceAgentWebsocket

from maaskit.errors import InvalidInput
from maaskit.session import Session
from maaskit.sophnet import speech_chat
from maaskit.sophnet.speech_chat_items import Item

if TYPE_CHECKING:
    from maaskit.async_talk import AsyncTalk
    from maaskit.connections import Settings


class SophNetVoiceSocket(BaseVoiceAgentWebsocket):
    """Be the socket under an agent; its ``uri`` names the endpoint, without query and key.

    Args:
        settings: Whom to ask.
        session: What is spoken.
    """

    def __init__(self, settings: Settings, session: Session[Item, speech_chat.Event]) -> None:
        provider, request = settings.provider, session.request
        path = request.endpoint.replace("{project_id}", provider.variable("project_id", request.service))
        super().__init__(uri=f"ws{provider.base_url.removeprefix('http')}{path}")
        self._settings = settings
        self._session = session
        self._talk: AsyncTalk[Item, speech_chat.Event] | None = None

    def connect(self) -> None:
        """Refuse: there is an event loop to be connected in.

        Raises:
            InvalidInput: Always.
        """
        raise InvalidInput("The voice agent lives on asyncio: await aconnect().")

    async def aconnect(self) -> None:
        """Open the socket.

        Raises:
            MaasError: It cannot be opened.
        """
        if self._talk is not None:
            raise InvalidInput("The socket is open already; make another agent for another conversation.")
        talk = (await self._settings.async_client()).connect(self._session)
        await talk.__aenter__()
        self._talk = talk

    async def send(self, data: Any) -> None:
        """Say something.

        Args:
            data: Audio as bytes, or an item of ``maaskit.sophnet.speech_chat``.

        Raises:
            InvalidInput: It may not be said, or the socket was not opened.
            SessionError: The conversation has ended.
        """
        await self._open().send(data)

    async def events(self) -> AsyncIterator[speech_chat.Event]:
        """Give what comes, to the end.

        Yields:
            The events.

        Raises:
            SessionError: The conversation broke off.
        """
        async for event in self._open():
            yield event

    async def close(self) -> None:
        """Close the socket, whatever is under way."""
        if self._talk is not None:
            await self._talk.__aexit__(None, None, None)

    def _open(self) -> AsyncTalk[Item, speech_chat.Event]:
        if self._talk is None:
            raise InvalidInput("Start the agent first: await agent.start(), or async with agent.")
        return self._talk
