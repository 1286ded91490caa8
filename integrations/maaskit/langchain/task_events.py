"""How long work shows in a run of LangChain: as custom events of the run that it is a part of.

Tools have run managers of their own and tell theirs; where no run is, nobody is told.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from inspect import iscoroutinefunction
from typing import Any

from langchain_core.callbacks.manager import adispatch_custom_event, dispatch_custom_event
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config, get_callback_manager_for_config

from maaskit.task import TaskUpdate
from maaskit.transcript_reading import OnTaskUpdate

PROGRESS_EVENT = "maaskit_task"
"""Name of the event; the tools' is the same."""


def telling(on_update: OnTaskUpdate | None) -> OnTaskUpdate:
    """Give a listener that tells the run around it as well.

    Args:
        on_update: The caller's own listener.

    Returns:
        A listener; threads without a run of their own may call it. Of a coroutine function it is one as well, which
        nobody awaits there, so that it is refused.
    """
    if iscoroutinefunction(on_update):
        return atelling(on_update)
    config = _run_around()

    def tell(source: str, update: TaskUpdate) -> Any:
        if config is not None:
            dispatch_custom_event(PROGRESS_EVENT, _data(source, update), config=config)
        return on_update(source, update) if on_update is not None else None

    return tell


def atelling(on_update: OnTaskUpdate | None) -> Callable[[str, TaskUpdate], Awaitable[None]]:
    """Give a listener for an event loop that tells the run around it as well.

    Args:
        on_update: The caller's own listener; it is awaited if it is a coroutine function.

    Returns:
        A listener.
    """
    config = _run_around()

    async def tell(source: str, update: TaskUpdate) -> None:
        if config is not None:
            await adispatch_custom_event(PROGRESS_EVENT, _data(source, update), config=config)
        said = on_update(source, update) if on_update is not None else None
        if isinstance(said, Awaitable):
            await said

    return tell


def _run_around() -> RunnableConfig | None:
    config = ensure_config()
    return config if get_callback_manager_for_config(config).parent_run_id is not None else None


def _data(source: str, update: TaskUpdate) -> dict[str, Any]:
    return {"source": source, **asdict(update), "phase": update.phase.value}
