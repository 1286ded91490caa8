"""What a model is told when work that it ordered, and that costs, goes on or may have begun: not to order it twice.

How a service is asked, and what is sent again, is the drivers' business.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from maaskit.errors import ConnectionFailed, MaasError, ServerError, TaskCanceled, TaskFailed

_GOES_ON = "It is paid for: do not order it again; tell the user the task's id {task_id}, which collects the result."
_MAY_GO_ON = (
    "The service may have begun the work all the same: ordering it again may cost twice, so ask the user first."
)


def ordered(step: Any) -> Generator[Any, Any, Any]:
    """Order paid or lasting work.

    Args:
        step: The Task, Call or Flow.

    Yields:
        The step.

    Returns:
        What came of it.

    Raises:
        MaasError: What went wrong; where the work goes on or may have begun, the message says so.
    """
    try:
        return (yield step)
    except (TaskFailed, TaskCanceled):
        raise
    except MaasError as error:
        task_id = getattr(error, "task_id", None)
        if task_id:
            raise error.with_hint(_GOES_ON.format(task_id=task_id)) from error.__cause__
        if isinstance(error, ConnectionFailed | ServerError) and getattr(error, "accepted", None) is not False:
            raise error.with_hint(_MAY_GO_ON) from error.__cause__
        raise
