"""Both drivers under one face, for what is more than one question."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from maaskit import AsyncClient, Client, RetryPolicy, SophNet


class Face:
    """Performs conversations with the driver of its kind, each call with a client of its own."""

    def __init__(self, kind: str, url: str) -> None:
        self.kind, self.url = kind, url

    def send(self, call: Any) -> Any:
        return self._run(lambda client: client.send(call))

    def submit(self, task: Any) -> str:
        return self._run(lambda client: client.submit(task))

    def wait(self, task: Any, *arguments: Any, **options: Any) -> Any:
        return self._run(lambda client: client.wait(task, *arguments, **options))

    def download(self, url: str) -> Any:
        return self._run(lambda client: client.download(url))

    def _run(self, verb: Callable[[Any], Any]) -> Any:
        cloud = SophNet(api_key="k-secret", base_url=self.url)
        settings: dict[str, Any] = {"timeout": 30.0, "retry_policy": RetryPolicy(first_delay_s=0.01)}
        if self.kind == "sync":
            with Client(cloud, **settings) as client:
                return verb(client)

        async def main() -> Any:
            async with AsyncClient(cloud, **settings) as client:
                return await verb(client)

        return asyncio.run(main())
