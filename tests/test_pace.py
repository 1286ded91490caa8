import pytest

from maaskit.pace import Pace


def test_pieces_are_due_one_after_the_other_without_drift():
    pace = Pace(lambda piece: piece)
    assert pace.wait_s(0.1, 50.0) == 0
    assert pace.wait_s(0.1, 50.04) == pytest.approx(0.06)
    assert pace.wait_s(0.3, 50.11) == pytest.approx(0.09)
    assert pace.wait_s(0.1, 50.2) == pytest.approx(0.3)


def test_who_is_late_catches_up_on_a_second_at_most():
    pace = Pace(lambda _: 0.1)
    pace.wait_s("a", 10.0)
    waits = [pace.wait_s("b", 100.0) for _ in range(12)]
    assert waits[:10] == [0] * 10
    assert waits[11] > 0
