"""A small rule-based responder: it plays the language model of both clouds, and says so when asked.

It knows neither HTTP nor either cloud: a request's meaning goes in, a planned answer comes out.
"""

from __future__ import annotations

from maaskit.sandbox.responder.answer import Answer, Quote, ToolCall
from maaskit.sandbox.responder.ask import Ask, Picture, Tool, ToolChoice, read_ask
from maaskit.sandbox.responder.plan import respond

__all__ = ["Answer", "Ask", "Picture", "Quote", "Tool", "ToolCall", "ToolChoice", "read_ask", "respond"]
