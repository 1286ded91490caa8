"""The loopback server of the benchmark: answers chat requests with bytes that were made once.

It runs in a process of its own, so that its work is not counted.
"""

from __future__ import annotations

import asyncio
import json
import sys

CHUNKS = 400


def _chunk(delta: dict[str, object], finish_reason: str | None = None) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "deepseek-v3",
        "choices": [choice],
    }


_USAGE = {"prompt_tokens": 9, "completion_tokens": CHUNKS, "total_tokens": 9 + CHUNKS}
_EVENTS = [
    _chunk({"role": "assistant", "content": ""}),
    *[_chunk({"content": f"词{number} "}) for number in range(CHUNKS)],
    _chunk({}, "stop"),
    {**_chunk({}), "choices": [], "usage": _USAGE},
]
_STREAM = b"".join(b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n" for event in _EVENTS)
_STREAM += b"data: [DONE]\n\n"
_WHOLE = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "deepseek-v3",
        "usage": _USAGE,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "好" * 200}}],
    }
).encode()


def _pieces() -> list[bytes]:
    """Cut the stream into one HTTP chunk per event, as services do."""
    events = _STREAM.split(b"\n\n")[:-1]
    return [b"%x\r\n%s\n\n\r\n" % (len(event) + 2, event) for event in events]


_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_PIECES = _pieces()
_JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(_WHOLE)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            body = await reader.readexactly(length)
            if b'"stream":true' in body.replace(b" ", b""):
                writer.write(_HEAD)
                for number, piece in enumerate(_PIECES):
                    writer.write(piece)
                    if number % 8 == 0:
                        await writer.drain()
                writer.write(b"0\r\n\r\n")
            else:
                writer.write(_JSON_HEAD + _WHOLE)
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError, IndexError):
        pass  # a client left, or the benchmark is over
    finally:
        writer.close()


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        # The benchmark closes our standard input when it is done, or when it dies.
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main())
