import gzip
import itertools
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maaskit import UnexpectedAnswer
from maaskit.inflate import inflating


def unpacked(encoding: str, data: bytes, cuts: list[int] | None = None) -> bytes:
    inflate = inflating(encoding, "/x")
    assert inflate is not None
    places = [0, *sorted(min(cut, len(data)) for cut in cuts or ()), len(data)]
    found = []
    for start, end in itertools.pairwise(places):
        pieces = list(inflate.feed(data[start:end]))
        assert pieces, "time-outs are looked at with each piece, so there is always one"
        found += pieces
    inflate.end()
    return b"".join(found)


@given(st.binary(max_size=300), st.integers(1, 3000), st.lists(st.integers(0, 400), max_size=5))
def test_any_split_gives_the_same(data, times, cuts):
    whole = data * times
    half = len(whole) // 2
    for encoding, packed in (
        ("gzip", gzip.compress(whole)),
        ("x-gzip", gzip.compress(whole[:half]) + gzip.compress(whole[half:])),
        ("GZIP", gzip.compress(whole) + b"\0padding"),
        ("deflate", zlib.compress(whole)),
        ("deflate", zlib.compress(whole)[2:-4]),
        ("utf-8, gzip", gzip.compress(whole)),
    ):
        assert unpacked(encoding, packed, cuts) == whole


@pytest.mark.parametrize("size", [256 * 1024 - 1, 256 * 1024, 512 * 1024, 1_000_000])
def test_sizes_around_the_bound_of_a_piece(size):
    inflate = inflating("gzip", "/x")
    pieces = list(inflate.feed(gzip.compress(b"\0" * size)))
    assert sum(map(len, pieces)) == size
    assert max(map(len, pieces)) <= 256 * 1024


@given(st.binary(min_size=1, max_size=200), st.integers(1, 40))
def test_what_is_cut_off_is_an_error(data, missing):
    packed = gzip.compress(data)
    with pytest.raises(UnexpectedAnswer, match="damaged"):
        unpacked("gzip", packed[: max(1, len(packed) - missing)])


def test_nothing_at_all_is_nothing():
    assert unpacked("gzip", b"") == b""


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "gzip, br", "compress"])
def test_what_was_not_asked_for_is_refused(encoding):
    with pytest.raises(UnexpectedAnswer, match="only gzip, deflate"):
        inflating(encoding, "/x")


@pytest.mark.parametrize("encoding", ["", "identity", "utf-8", "aws-chunked"])
def test_what_is_not_compressed_stays_as_it_is(encoding):
    assert inflating(encoding, "/x") is None


def test_a_bomb_is_unpacked_in_pieces():
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(bytes(1_000_000)) for _ in range(100)) + packer.flush()
    inflate = inflating("gzip", "/x")
    tracemalloc.start()
    try:
        assert sum(map(len, inflate.feed(packed))) == 100_000_000
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()
