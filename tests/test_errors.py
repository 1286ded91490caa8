import copy
import pickle

import pytest

from maaskit import errors
from maaskit.errors import APIError, MaasError, RateLimited, StreamInterrupted, StreamTimedOut, TaskTimeout


def _all_kinds(kind: type[MaasError] = MaasError) -> list[type[MaasError]]:
    return [kind, *(found for below in kind.__subclasses__() for found in _all_kinds(below))]


CORE_KINDS = sorted(
    {kind for kind in _all_kinds() if kind.__module__ == errors.__name__}, key=lambda kind: kind.__name__
)


@pytest.mark.parametrize("kind", CORE_KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301
def test_every_error_survives_copying(kind, copied):
    error = kind("what happened")
    for name in kind._details:
        setattr(error, name, f"value of {name}")
    error.task_id = "t1"
    again = copied(error)
    assert type(again) is kind
    assert str(again) == "what happened"
    assert again.__dict__ == error.__dict__


def test_the_tree_is_the_one_that_users_catch():
    assert issubclass(errors.InvalidInput, ValueError)
    assert issubclass(errors.TimedOut, errors.ConnectionFailed)
    assert issubclass(errors.ContextOverflow, errors.BadRequest)
    for kind in (errors.RateLimited, errors.ServerError, errors.NotFound, errors.InsufficientBalance):
        assert issubclass(kind, APIError)
    assert issubclass(StreamTimedOut, StreamInterrupted)
    assert issubclass(StreamTimedOut, errors.TimedOut)
    assert all(issubclass(kind, errors.TaskError) for kind in (TaskTimeout, errors.TaskFailed, errors.TaskCanceled))


def test_details_are_attributes_and_unknown_ones_are_refused():
    error = RateLimited("slow down", status=429, retry_after=2.0)
    assert (error.status, error.status_code, error.retry_after, error.code) == (429, 429, 2.0, None)
    with pytest.raises(TypeError, match="takes no colour"):
        RateLimited("slow down", colour="red")


def test_a_hint_stands_behind_the_message_once():
    error = MaasError("It is gone.")
    assert error.with_hint("").message == "It is gone."
    assert error.with_hint("Ask again.").with_hint("Ask again.") is error
    assert str(error) == error.message == "It is gone. Ask again."
    assert str(pickle.loads(pickle.dumps(error))) == "It is gone. Ask again."  # noqa: S301 - our own
