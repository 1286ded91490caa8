"""What a looping agent may spend."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import pytest

from maaskit import InvalidInput, LimitReached
from maaskit.toolbox.budget import Budget, calls_of, checked_calls


def test_calls_are_counted_up_to_the_limit() -> None:
    budget = Budget(2)
    budget.take("a_tool")
    budget.take("a_tool")
    with pytest.raises(LimitReached, match=r"a_tool was not called: its limit of max_calls=2 is used up"):
        budget.take("a_tool")
    assert budget.spent == 2


def test_without_a_limit_there_is_none() -> None:
    budget = Budget()
    for _ in range(100):
        budget.take("a_tool")
    assert budget.spent == 100


def test_many_threads_spend_no_more_than_the_limit() -> None:
    budget, refused = Budget(50), []
    barrier = threading.Barrier(16)

    def spend() -> None:
        barrier.wait()
        for _ in range(10):
            try:
                budget.take("a_tool")
            except LimitReached:
                refused.append(1)

    threads = [threading.Thread(target=spend) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (budget.spent, len(refused)) == (50, 110)


def test_a_copy_spends_from_the_same_purse_and_a_pickle_keeps_what_was_spent() -> None:
    budget = Budget(2)
    copied = copy.deepcopy(budget)
    copied.take("a_tool")
    assert budget.spent == 1
    loaded = pickle.loads(pickle.dumps(budget))  # noqa: S301 - our own
    assert (loaded.max_calls, loaded.spent) == (2, 1)


@pytest.mark.parametrize("limit", [-1, 1.5, "3", True])
def test_a_limit_is_a_whole_number(limit: Any) -> None:
    with pytest.raises(InvalidInput, match="max_calls must be a whole number of 0 or more"):
        Budget(limit)


def test_zero_means_never() -> None:
    with pytest.raises(LimitReached):
        Budget(0).take("a_tool")


def test_limits_are_found_by_either_name() -> None:
    assert calls_of(3, "sophnet_video", "generate_video") == 3
    assert calls_of({"sophnet_video": 1}, "sophnet_video", "generate_video") == 1
    assert calls_of({"generate_video": 2}, "sophnet_video", "generate_video") == 2
    assert calls_of({"other": 2}, "sophnet_video", "generate_video") is None
    assert calls_of(None, "sophnet_video", "generate_video") is None


@pytest.mark.parametrize("limits", [-1, {"a_tool": "many"}, {"no_tool": 3}])
def test_wrong_limits_are_refused(limits: Any) -> None:
    with pytest.raises(InvalidInput, match="max_calls"):
        checked_calls(limits, {"a_tool"})
