"""Both drivers under one synchronous face, for conversations over sockets."""

import asyncio
import contextlib
import time
from collections.abc import Iterator

from maaskit import AsyncClient, RetryPolicy
from tests.waiting import auntil, until

QUICK = RetryPolicy(first_delay_s=0.01, max_delay_s=0.02)


def _steps(steps):
    for step in steps:
        if isinstance(step, Iterator):
            yield from step
        else:
            yield step


def _play(steps):
    for step in _steps(steps):
        if isinstance(step, float):
            time.sleep(step)
        elif isinstance(step, Exception):
            raise step
        elif callable(step):
            until(step)
        else:
            yield step


async def _aplay(steps):
    for step in _steps(steps):
        if isinstance(step, float):
            await asyncio.sleep(step)
        elif isinstance(step, Exception):
            raise step
        elif callable(step):
            await auntil(step)
        else:
            yield step


class Talking:
    """One open conversation under a synchronous face."""

    def __init__(self, run, talk, *, is_async):
        self._run, self.talk, self.is_async = run, talk, is_async

    def send(self, item):
        return self._run(self.talk.send(item)) if self.is_async else self.talk.send(item)

    def close(self):
        return self._run(self.talk.close()) if self.is_async else self.talk.close()

    def feed(self, items, **settings):
        if not self.is_async:
            return self.talk.feed(items, **settings)

        async def begin():
            self.talk.feed(items, **settings)

        return self._run(begin())

    def produce(self, *steps):
        """Feed a producer who goes by steps.

        It says texts, waits for numbers of seconds and for functions to become true, raises errors, and takes iterators
        for steps of their own.
        """
        self.feed(_aplay(steps) if self.is_async else _play(steps))

    def until(self, come):
        """Let the conversation go on until something has come."""
        return self._run(auntil(come)) if self.is_async else until(come)

    @property
    def inside(self):
        """Give the asynchronous conversation, which is inside the synchronous one as well."""
        return self.talk if self.is_async else self.talk._talk

    @property
    def ended(self):
        """Tell whether nothing more is received."""
        return self.inside._ended

    def next(self):
        return self._run(anext(self.talk)) if self.is_async else next(self.talk)

    def rest(self, items=None):
        items = [] if items is None else items
        with contextlib.suppress(StopIteration, StopAsyncIteration):
            while True:
                items.append(self.next())
        return items


class Face:
    """A driver that opens conversations; the asynchronous one runs on a loop of its own.

    Args:
        kind: ``Client`` or ``AsyncClient``.
        provider: Whom it asks.
    """

    def __init__(self, kind, provider, **settings):
        settings = {"timeout": 30.0, "retry_policy": QUICK, **settings}
        self._make = lambda: kind(provider, **settings)
        self._is_async = kind is AsyncClient

    @contextlib.contextmanager
    def connect(self, what):
        if not self._is_async:
            with self._make() as client, client.connect(what) as talk:
                yield Talking(None, talk, is_async=False)
            return
        with asyncio.Runner() as runner:

            def run(work):
                async def main():
                    return await work

                return runner.run(main())

            async def leave(error):
                await talk.__aexit__(type(error) if error else None, error, None)
                await client.close()

            async def begin():
                return self._make()

            client = runner.run(begin())
            talk = client.connect(what)
            run(talk.__aenter__())
            failure = None
            try:
                yield Talking(run, talk, is_async=True)
            except BaseException as error:
                failure = error
                raise
            finally:
                runner.run(leave(failure))
