"""Results are kept for a while, within bounds, under names that cannot be guessed."""

from __future__ import annotations

from maaskit.mcp.shelf import Kept, Shelf


def test_a_result_is_found_by_its_name_alone() -> None:
    shelf = Shelf()
    one, two = shelf.put(b"sound", "audio/mpeg"), shelf.put("文字", "text/markdown")
    assert one != two
    assert one.startswith("maaskit://results/")
    assert len(one) > len("maaskit://results/") + 20
    assert shelf.get(one) == Kept(b"sound", "audio/mpeg")
    assert shelf.get(two) == Kept("文字", "text/markdown")
    assert shelf.get("maaskit://results/x") is None
    assert "sound" not in repr(shelf.get(one))


def test_the_oldest_leave_when_the_room_is_used_up() -> None:
    shelf = Shelf(max_bytes=100)
    one, two, three = (shelf.put(bytes(40), "a/b") for _ in range(3))
    assert shelf.get(one) is None
    assert shelf.get(two)
    assert shelf.get(three)
    large = shelf.put(bytes(1000), "a/b")
    assert shelf.get(large)
    assert shelf.get(three) is None
    assert shelf.get(shelf.put(bytes(100), "a/b"))


def test_the_number_is_bounded_as_well() -> None:
    shelf = Shelf(max_items=2)
    names = [shelf.put(b"x", "a/b") for _ in range(5)]
    assert [shelf.get(name) is not None for name in names] == [False, False, False, True, True]
