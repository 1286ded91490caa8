"""What an answer of ours holds as LangChain's standard content blocks; importing this registers it for both clouds.

Chunks get string indexes, because core numbers blocks itself and would merge a call numbered 0 into the text. How an
answer is read off the wire is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages import content as core
from langchain_core.messages.block_translators import register_translator

PROVIDERS = ("qiniu", "sophnet")
"""What ``response_metadata["model_provider"]`` and ``ls_provider`` say."""


def blocks_of(message: AIMessage) -> list[core.ContentBlock]:
    """Give the blocks of a whole answer: reasoning, text with its citations, its sound, refusal, calls.

    Args:
        message: An answer of one of our models.

    Returns:
        The blocks.

    Raises:
        NotImplementedError: The content is a list already; core reads it better itself.
    """
    _needs_text(message)
    blocks = [{name: value for name, value in block.items() if name != "index"} for block in _spoken(message)]
    blocks += _calls(message)
    return cast("list[core.ContentBlock]", blocks)


def blocks_of_chunk(chunk: AIMessageChunk) -> list[core.ContentBlock]:
    """Give the blocks of one piece of an answer, or of several that were added up.

    Args:
        chunk: A chunk of one of our models.

    Returns:
        The blocks, each with an index that is the same in every piece of it.

    Raises:
        NotImplementedError: The content is a list already; core reads it better itself.
    """
    _needs_text(chunk)
    blocks = list(_spoken(chunk))
    if chunk.chunk_position == "last":  # added up: the calls are whole
        blocks += _calls(chunk)
    else:
        blocks += [
            {
                "type": "tool_call_chunk",
                "id": piece.get("id"),
                "name": piece.get("name"),
                "args": piece.get("args"),
                "index": f"lc_tc_{piece.get('index') or 0}",
            }
            for piece in chunk.tool_call_chunks
        ]
    return cast("list[core.ContentBlock]", blocks)


def _needs_text(message: AIMessage) -> None:
    if not isinstance(message.content, str):
        raise NotImplementedError


def _spoken(message: AIMessage) -> Iterator[dict[str, Any]]:
    reasoning = message.additional_kwargs.get("reasoning_content")
    if isinstance(reasoning, str) and reasoning:
        yield {"type": "reasoning", "reasoning": reasoning, "index": "lc_rs_0"}
    refs = message.response_metadata.get("refs")
    if message.content or refs:
        text: dict[str, Any] = {"type": "text", "text": message.content, "index": "lc_txt_0"}
        if refs:
            text["annotations"] = [_citation(ref) for ref in refs]
        yield text
    audio = message.additional_kwargs.get("audio")
    if isinstance(audio, Mapping) and isinstance(audio.get("data"), str):
        yield _audio(audio)
    refusal = message.additional_kwargs.get("refusal")
    if isinstance(refusal, str) and refusal:
        block = {"type": "refusal", "refusal": refusal}
        # Core knows the block from 1.7.5 on.
        known = "refusal" in core.KNOWN_BLOCK_TYPES
        yield {**(block if known else {"type": "non_standard", "value": block}), "index": "lc_rf_0"}


def _audio(audio: Mapping[str, Any]) -> dict[str, Any]:
    extras = {name: audio[name] for name in ("format", "characters") if audio.get(name) is not None}
    if not audio["data"]:
        # What ends the sound. Added up it joins the audio block; core's events of version 3, which do not add audio up,
        # keep it in place of the block, whose sound would be that of the last piece alone.
        return {"type": "non_standard", "value": extras, "index": "lc_aud_0"}
    block: dict[str, Any] = {"type": "audio", "base64": audio["data"], "index": "lc_aud_0"}
    if audio.get("mime_type"):
        block["mime_type"] = audio["mime_type"]
    return {**block, "extras": extras} if extras else block


def _citation(ref: Mapping[str, Any]) -> dict[str, Any]:
    named = {"url": ref.get("url"), "title": ref.get("title"), "cited_text": ref.get("content")}
    extras = {name: ref[name] for name in ("index", "type") if ref.get(name) is not None}
    citation = {"type": "citation", **{name: value for name, value in named.items() if value is not None}}
    return {**citation, "extras": extras} if extras else citation


def _calls(message: AIMessage) -> list[dict[str, Any]]:
    read = [
        {"type": "tool_call", "id": call.get("id"), "name": call["name"], "args": call["args"]}
        for call in message.tool_calls
    ]
    return read + [{**call, "type": "invalid_tool_call"} for call in message.invalid_tool_calls]


for _provider in PROVIDERS:
    register_translator(_provider, blocks_of, blocks_of_chunk)
