"""Generators within generators that are left half-way: closed at once, and quietly at the end of their loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from maaskit.leaving import leaving


class Inner:
    """Count what is given and closed; closing takes its time."""

    def __init__(self) -> None:
        self.closed = 0

    async def pieces(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(100):
                yield number
        finally:
            await asyncio.sleep(0.01)
            self.closed += 1


async def outer(inner: AsyncGenerator[int, None]) -> AsyncGenerator[int, None]:
    async with leaving(inner) as pieces:
        async for piece in pieces:
            yield piece


async def test_closing_the_outer_one_closes_the_inner_one() -> None:
    inner = Inner()
    pieces = outer(inner.pieces())
    assert await anext(pieces) == 0
    await pieces.aclose()
    assert inner.closed == 1


async def test_an_error_closes_the_inner_one() -> None:
    inner = Inner()
    with pytest.raises(ValueError, match="own"):
        async with leaving(inner.pieces()) as pieces:
            async for _ in pieces:
                raise ValueError("own")
    assert inner.closed == 1


async def test_the_end_closes_it_too() -> None:
    inner = Inner()
    assert len([piece async for piece in outer(inner.pieces())]) == 100
    assert inner.closed == 1


def test_those_left_at_the_end_of_a_loop_are_closed_once_and_quietly(caplog: pytest.LogCaptureFixture) -> None:
    inners = [Inner() for _ in range(20)]
    left = []

    async def leave() -> None:
        for inner in inners:
            pieces = outer(outer(inner.pieces()))
            await anext(pieces)
            left.append(pieces)

    asyncio.run(leave())
    assert [inner.closed for inner in inners] == [1] * 20
    assert not caplog.records
