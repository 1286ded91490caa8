from hypothesis import given
from hypothesis import strategies as st

from maaskit.inbox import Inbox

Items = st.lists(st.one_of(st.just("take"), st.tuples(st.booleans(), st.integers(1, 50))), max_size=200)


@given(Items)
def test_nothing_lasting_is_lost_and_the_bounds_hold(steps):
    inbox = Inbox(lambda item: not item[0], lambda item: item[1], max_items=8, max_bytes=200)
    lasting, taken = [], []
    for number, step in enumerate(steps):
        if step == "take":
            if inbox:
                taken.append(inbox.take())
        elif not inbox.full:
            item = (*step, number)
            inbox.put(item)
            if item[0]:
                lasting.append(item)
        assert len(inbox) <= 8
    newest = None
    while inbox:
        newest = inbox.take()
        taken.append(newest)
    assert [item for item in taken if item[0]] == lasting
    assert [item[2] for item in taken] == sorted(item[2] for item in taken)
    assert not inbox.full


def test_the_newest_passing_item_stays():
    inbox = Inbox(lambda _: True, lambda _: 1, max_items=4)
    for number in range(100):
        inbox.put(number)
    assert len(inbox) < 4
    last = [inbox.take() for _ in range(len(inbox))][-1]
    assert last == 99


def test_without_passing_items_it_stays_full_until_one_is_taken():
    inbox = Inbox(None, lambda _: 1, max_items=2)
    inbox.put("a")
    inbox.put("b")
    assert inbox.full
    assert inbox.take() == "a"
    assert not inbox.full
    inbox.clear()
    assert len(inbox) == 0


def test_one_item_may_be_larger_than_the_bound():
    inbox = Inbox(None, len, max_items=9, max_bytes=10)
    inbox.put("x" * 50)
    assert inbox.full
    assert inbox.take() == "x" * 50
    assert not inbox.full
