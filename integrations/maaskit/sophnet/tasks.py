"""What SophNet's image and video tasks have in common: their ids, their list, and how an answer tells where they stand.

What a task makes, and how its result looks, is its endpoint's business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from maaskit.answers import parse_json, refusal_in, unexpected
from maaskit.errors import InvalidInput
from maaskit.lenient_json import from_json
from maaskit.task import TaskPhase, TaskState
from maaskit.wire import Call, Request, Response

# An id in a text of its own: no white space, "<" or "{", so that no page and no error becomes one (wire-facts B.10).
_BARE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=~-]{0,199}")
# Words that stand where an id is expected and are none.
_NO_IDS = frozenset(
    {"null", "none", "undefined", "nan", "true", "false", "ok", "success", "error", "fail", "failed", "forbidden"}
    | {"unauthorized", "unavailable", "timeout"}
)
_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
# In the order of wire-facts C.14.
_ID_NAMES = ("task_id", "taskId", "id")
_HOLDERS = ("output", "result", "data")
_STATUS_NAMES = ("taskStatus", "task_status", "status")
_MESSAGE_NAMES = ("message", "errorMessage", "error_message", "errorMsg", "msg", "reason")


@dataclass(frozen=True, slots=True)
class TaskSummary:
    """Be one task of the service's list.

    Args:
        task_id: The id; ``resume(task_id)`` collects its result.
        model: The model, if told.
        phase: Where it stands.
        word: The service's own word for that.
        raw: The service's own object.
    """

    task_id: str
    model: str | None
    phase: TaskPhase
    word: str
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


def path_of(tasks: str, task_id: str) -> str:
    """Give the path of one task.

    Args:
        tasks: The path of all.
        task_id: The id.

    Returns:
        The path; nothing in the id leads elsewhere.

    Raises:
        InvalidInput: It is no id.
    """
    known = task_id.strip() if isinstance(task_id, str) else ""
    if not known.strip(".") or not known.isprintable() or len(known) > 500:
        raise InvalidInput(f"task_id must be the id that the service gave, not {task_id!r:.100}.")
    return f"{tasks}/{quote(known, safe='')}"


def looking(tasks: str, task_id: str, *, service: str | None = None) -> Request:
    """Ask where one task stands.

    Args:
        tasks: The path of all.
        task_id: The id.
        service: The service whose project the path names, if it does.

    Returns:
        The question.

    Raises:
        InvalidInput: It is no id.

    Source:
        sophnet-api, 查询Task状态、结果 and 获取task结果: "Content-Type String 是 固定值application/json", although the
        question has no body.
    """
    return Request("GET", path_of(tasks, task_id), service=service, content_type="application/json")


def listing(path: str) -> Call[tuple[TaskSummary, ...]]:
    """Ask for the list of tasks.

    Args:
        path: Where it is.

    Returns:
        A Call of the tasks, in the service's order.
    """
    return Call(Request("GET", path), _read_list)


def id_in(value: Any) -> str | None:
    """Find a task's id in a JSON value, wherever it stands.

    Args:
        value: An object, or the id itself, as a text or a number.

    Returns:
        The id, or ``None``.
    """
    if isinstance(value, Mapping):
        places = [value, *(value[name] for name in _HOLDERS if isinstance(value.get(name), Mapping))]
        found = (_plain_id(place.get(name)) for place in places for name in _ID_NAMES)
        direct = (_plain_id(value.get(name)) for name in ("result", "data"))
        return next(filter(None, (*found, *direct)), None)
    return _plain_id(value)


def read_id(response: Response) -> str:
    """Read the id of a new task, whether the answer is an object or the bare id, whatever content type it claims.

    Args:
        response: A whole answer with a 2xx status.

    Returns:
        The id.

    Raises:
        APIError: The answer is a refusal.
        UnexpectedAnswer: It holds no id.
    """
    text = response.body[:4096].decode("utf-8-sig", errors="replace").strip()
    # Before JSON, which would read an id such as 0123 or 12e4 as a number.
    if _is_bare_id(text):
        return text
    try:
        value = from_json(response.body)
    except ValueError:
        raise unexpected(response, "is no task id") from None
    task_id = id_in(value)
    if isinstance(value, Mapping):
        check_refusal(value, response, is_answered=task_id is not None)
    if task_id is None:
        raise unexpected(response, "holds no task id")
    return task_id


def check_refusal(value: Mapping[str, Any], response: Response, *, is_answered: bool) -> None:
    """Raise what an object refuses; an ``output`` without an answer in it does not hide the refusal beside it.

    Args:
        value: The object.
        response: The answer that it came in.
        is_answered: Whether the object tells what was asked.

    Raises:
        APIError: It is a refusal.
    """
    told = value if is_answered else {name: part for name, part in value.items() if name not in _HOLDERS}
    refusal = refusal_in(told, response)
    if refusal is not None:
        raise refusal


def standing(response: Response) -> tuple[str, Mapping[str, Any], Mapping[str, Any]]:
    """Read where a task stands.

    Args:
        response: A whole answer with a 2xx status.

    Returns:
        The service's word, the object that holds it, and the whole answer.

    Raises:
        APIError: The answer is a refusal and tells of no task.
        UnexpectedAnswer: It is no object, or holds no word.
    """
    value = parse_json(response)
    if not isinstance(value, Mapping):
        raise unexpected(response, "is not a JSON object")
    places = [value[name] for name in _HOLDERS if isinstance(value.get(name), Mapping)]
    for place in (*places, value):
        word = next((word for name in _STATUS_NAMES if (word := _word(place.get(name)))), None)
        if word is not None:
            # A task that ended says why itself; beside one that runs, a code is a refusal (wire-facts B.0.2).
            if not TaskPhase.of(word).ended:
                check_refusal(value, response, is_answered=False)
            return word, place, value
    check_refusal(value, response, is_answered=False)
    raise unexpected(response, "does not tell where the task stands")


def failure(word: str, place: Mapping[str, Any], whole: Mapping[str, Any]) -> TaskState[Any]:
    """Give the state of a task that brought no result, with what the service says of it.

    Args:
        word: The service's word.
        place: The object that holds it.
        whole: The whole answer.

    Returns:
        The state.
    """
    results = place.get("results")
    errors = [whole.get("error"), *(results if isinstance(results, list) else ())]
    places = [place.get("error"), place, *errors, whole]
    # A code is an explanation where there is no other.
    message = _first(places, _MESSAGE_NAMES)
    code = _first(places, ("code", "type"))
    if message is None:
        message = next((text for one in (place.get("error"), whole.get("error")) if (text := _text(one))), code)
    if code is None:
        # "errorMsg string 错误码": its name says that it explains, the table that it is a code.
        told = _first(places, ("errorMsg",)) or ""
        code = told if _CODE.fullmatch(told) else None
    return TaskState(TaskPhase.of(word), word, None, message, code)


def _read_list(response: Response) -> tuple[TaskSummary, ...]:
    value = parse_json(response)
    if isinstance(value, Mapping):
        refusal = refusal_in(value, response)
        if refusal is not None:
            raise refusal
        value = next((value[name] for name in ("result", "data", "tasks") if isinstance(value.get(name), list)), None)
    if not isinstance(value, list):
        raise unexpected(response, "is no list of tasks")
    return tuple(_summary(entry, response) for entry in value)


def _summary(entry: Any, response: Response) -> TaskSummary:
    task_id = id_in(entry) if isinstance(entry, Mapping) else None
    if task_id is None:
        raise unexpected(response, "lists a task without an id")
    model = entry.get("model")
    word = next((word for name in _STATUS_NAMES if (word := _word(entry.get(name)))), "")
    return TaskSummary(task_id, model if isinstance(model, str) and model else None, TaskPhase.of(word), word, entry)


def _plain_id(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and _is_bare_id(value.strip()):
        return value.strip()
    return None


def _is_bare_id(text: str) -> bool:
    return _BARE_ID.fullmatch(text) is not None and text.lower() not in _NO_IDS


def _word(value: Any) -> str | None:
    """Give a status word; a number is an envelope's status and none (wire-facts C.13)."""
    return value if isinstance(value, str) and value.strip() and not re.fullmatch(r"\s*-?\d+\s*", value) else None


def _first(places: list[Any], names: tuple[str, ...]) -> str | None:
    for place in places:
        if isinstance(place, Mapping):
            found = next((text for name in names if (text := _text(place.get(name)))), None)
            if found is not None:
                return found
    return None


def _text(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip()[:500] if isinstance(value, str) and value.strip() else None
