from dataclasses import replace

import pytest

from maaskit.errors import (
    APIError,
    InvalidInput,
    NotFound,
    ServerError,
    TaskCanceled,
    TaskFailed,
    TaskTimeout,
    UnexpectedAnswer,
)
from maaskit.retry import RetryPolicy
from maaskit.task import Task, TaskPhase, TaskState, TaskUpdate, polling, submission
from maaskit.wire import Failure, Outcome, Request, Response, Sleep

SUBMIT = Request("POST", "/task", resend="unaccepted")


def read(response: Response) -> TaskState[str]:
    word = response.body.decode()
    return TaskState(
        TaskPhase.of(word), word, "result" if TaskPhase.of(word) is TaskPhase.SUCCEEDED else None, "why", "c7"
    )


def task() -> Task[str]:
    return Task(
        SUBMIT, lambda response: response.body.decode(), lambda task_id: Request("GET", f"/task/{task_id}"), read
    )


def said(text: str) -> Response:
    return Response(200, body=text.encode())


def drive(steps, answers):
    """Play answers against the generator with a clock that only sleeping moves."""
    answers, clock, pauses, updates, requests, outcome = iter(answers), 0.0, [], [], [], None
    while True:
        try:
            step = steps.send(outcome)
        except StopIteration as stop:
            return stop.value, pauses, updates, requests
        answer = None
        if isinstance(step, Sleep):
            clock += step.seconds
            pauses.append(step.seconds)
        elif isinstance(step, TaskUpdate):
            updates.append(step)
        else:
            requests.append(step)
            answer = next(answers)
        outcome = Outcome(answer, clock)


def test_submit_look_again_collect():
    result, pauses, updates, requests = drive(
        polling(task(), RetryPolicy()), [said("t1"), said("PENDING"), said("doing"), said("SUCCEEDED")]
    )
    assert result == "result"
    assert [request.path for request in requests] == ["/task", "/task/t1", "/task/t1", "/task/t1"]
    assert [(update.phase, update.word) for update in updates] == [
        (TaskPhase.WAITING, ""),
        (TaskPhase.WAITING, "PENDING"),
        (TaskPhase.RUNNING, "doing"),
        (TaskPhase.SUCCEEDED, "SUCCEEDED"),
    ]
    assert pauses[0] <= 0.2


def test_pauses_grow_to_five_seconds_and_no_further():
    _, pauses, _, _ = drive(polling(task(), RetryPolicy()), [said("t1"), *[said("RUNNING")] * 20, said("success")])
    assert pauses == sorted(pauses)
    assert pauses[-1] == 5.0


@pytest.mark.parametrize("word", ["SUCCEEDED", "SUCCESSED", "success", "SUCCESS", "succeed", "succeeded"])
def test_every_spelling_of_success(word):
    # wire-facts C.15
    assert TaskPhase.of(word) is TaskPhase.SUCCEEDED


@pytest.mark.parametrize("word", ["CANCELED", "cancelled"])
def test_both_spellings_of_cancellation(word):
    # wire-facts C.16
    with pytest.raises(TaskCanceled) as caught:
        drive(polling(task(), RetryPolicy()), [said("t1"), said(word)])
    assert caught.value.task_id == "t1"


@pytest.mark.parametrize("word", ["SUSPENDED", "UNKNOWN", "thinking", "", None])
def test_an_unknown_word_means_that_it_still_runs(word):
    # wire-facts C.17
    assert not TaskPhase.of(word).ended


def test_a_failure_says_why():
    with pytest.raises(TaskFailed, match="why") as caught:
        drive(polling(task(), RetryPolicy()), [said("t1"), said("FAILED")])
    assert (caught.value.task_id, caught.value.code) == ("t1", "c7")


def test_the_deadline_leaves_a_way_to_collect():
    with pytest.raises(TaskTimeout, match="resume") as caught:
        drive(polling(task(), RetryPolicy(), 20.0), [said("t9"), *[said("RUNNING")] * 50])
    assert caught.value.task_id == "t9"


def test_a_task_is_looked_at_once_however_late_it_is():
    """The submission may have taken all the time, or the machine."""
    resumed = task().resumed("t9")
    result, pauses, *_ = drive(polling(resumed, RetryPolicy(), 0), [said("SUCCEEDED")])
    assert (result, pauses) == ("result", [0])
    with pytest.raises(TaskTimeout, match="still ran after 0 s"):
        drive(polling(resumed, RetryPolicy(), 0), [said("RUNNING"), said("SUCCEEDED")])


def test_an_error_while_looking_names_the_task():
    with pytest.raises(NotFound) as caught:
        drive(polling(task(), RetryPolicy()), [said("t1"), Response(404)])
    assert caught.value.task_id == "t1"


def test_looking_is_retried_and_submitting_is_not():
    result, *_ = drive(polling(task(), RetryPolicy()), [said("t1"), Response(500), said("success")])
    assert result == "result"
    with pytest.raises(ServerError):
        drive(polling(task(), RetryPolicy()), [Response(500), said("t1")])


def test_resume_needs_no_submission():
    result, _, _, requests = drive(polling(task().resumed("t5"), RetryPolicy()), [said("success")])
    assert result == "result"
    assert [request.path for request in requests] == ["/task/t5"]
    with pytest.raises(InvalidInput, match="task_id"):
        task().resumed(" ")


def test_submission_alone_gives_the_id():
    assert drive(submission(task(), RetryPolicy()), [said("t3")])[0] == "t3"
    with pytest.raises(InvalidInput):
        submission(task().resumed("t3"), RetryPolicy())


def test_an_unreadable_look_names_the_task():
    def unreadable(_: Response) -> TaskState[str]:
        raise UnexpectedAnswer("not JSON")

    steps = polling(Task(SUBMIT, lambda r: "t1", lambda t: Request("GET", "/t"), unreadable), RetryPolicy())
    with pytest.raises(UnexpectedAnswer) as caught:
        drive(steps, [said("x"), said("y")])
    assert caught.value.task_id == "t1"


def test_a_lost_submission_is_not_repeated():
    with pytest.raises(APIError):
        drive(polling(task(), RetryPolicy()), [Failure(APIError("refused", status=400))])


def test_looking_stays_patient_however_long_the_task_has_run():
    """The policy's total time is counted from the first attempt of each request, not from the start of the waiting."""
    answers = [said("t1"), *[said("doing")] * 100, Response(503), Response(429), said("SUCCEEDED")]
    result, pauses, *_ = drive(polling(task(), RetryPolicy(), 1e6), answers)
    assert result == "result"
    assert sum(pauses) > 400


def test_no_look_is_tried_again_beyond_the_deadline():
    answers = [said("t1"), *[Response(429, {"retry-after": "50"})] * 3]
    with pytest.raises(APIError) as caught:
        drive(polling(task(), RetryPolicy(), 5), answers)
    assert caught.value.task_id == "t1"
    assert drive(polling(task(), RetryPolicy(), 100), [*answers[:2], said("SUCCEEDED")])[0] == "result"


@pytest.mark.parametrize("timeout", ["3", float("nan"), float("inf"), -1, True, 10**400])
def test_a_senseless_deadline_is_refused_before_anything_is_submitted(timeout):
    with pytest.raises(InvalidInput, match="timeout"):
        next(polling(task(), RetryPolicy(), timeout))


KEPT = replace(task(), keeps="Tasks are kept for 24 hours.")
HTML = Response(404, {"content-type": "text/html"}, b"<html>")


@pytest.mark.parametrize("answer", [HTML, Response(400), Response(200, body=b"unread")])
def test_a_task_that_is_not_found_any_more_is_told_how_long_it_is_kept(answer):
    def read_or_refuse(response):
        raise APIError("no such task")

    kept = replace(KEPT, read=read_or_refuse)
    with pytest.raises(APIError, match=r"Tasks are kept for 24 hours\.$") as caught:
        drive(polling(kept.resumed("t9"), RetryPolicy()), [answer])
    assert caught.value.task_id == "t9"


def test_a_task_without_a_result_is_told_how_long_it_is_kept():
    empty = replace(KEPT, read=lambda response: TaskState(TaskPhase.SUCCEEDED, "success"))
    with pytest.raises(TaskFailed, match=r"without a result.*24 hours"):
        drive(polling(empty.resumed("t9"), RetryPolicy()), [said("success")])


def test_other_refusals_and_new_tasks_are_not():
    for answers in ([Response(401)], [Response(429)] * 3, [Response(503)] * 3):
        with pytest.raises(APIError) as caught:
            drive(polling(KEPT.resumed("t9"), RetryPolicy()), answers)
        assert "24 hours" not in str(caught.value)
    with pytest.raises(NotFound) as caught:
        drive(polling(KEPT, RetryPolicy()), [said("t1"), Response(404)])
    assert "24 hours" not in str(caught.value)
