"""The chat dialect that both clouds speak: request body, answer, stream, tool calls, reasoning, references, usage.

No provider's own limits and no framework's messages belong here.
"""

from maaskit.openai_chat.answer import ChatAnswer, Choice, Reference, ToolCall, Usage, read_answer
from maaskit.openai_chat.request import ChatParams, Message, chat_body
from maaskit.openai_chat.stream import ChatDelta, ChatStreamReader, ToolCallDelta

__all__ = [
    "ChatAnswer",
    "ChatDelta",
    "ChatParams",
    "ChatStreamReader",
    "Choice",
    "Message",
    "Reference",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
    "chat_body",
    "read_answer",
]
