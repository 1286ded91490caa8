"""Files: only regular ones inside one folder, and the one that is checked is the one that is read."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maaskit import InvalidInput
from maaskit.guard import Guard
from maaskit.toolbox import places
from maaskit.toolbox.places import Place, checked_folder, has_inner_host

OUTSIDE = "is not inside the working folder, and nothing else may be read"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a folder with files, and a secret beside it."""
    folder = tmp_path / "root"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("inside")
    (folder / "sub" / "发票.txt").write_text("deeper")
    (folder / "empty.txt").touch()
    (tmp_path / "secret.txt").write_text("outside")
    (tmp_path / "root-too").mkdir()
    (tmp_path / "root-too" / "b.txt").write_text("a neighbour whose name begins alike")
    return folder.resolve()


@pytest.fixture(params=["walk", "look again"])
def place(request: pytest.FixtureRequest, root: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Open files in both ways: step by step, and as systems do that cannot."""
    monkeypatch.setattr(places, "_CAN_WALK", request.param == "walk")
    return Place(root)


@pytest.mark.parametrize("name", ["a.txt", " a.txt ", "./a.txt"])
def test_a_file_inside_is_read(place: Place, name: str) -> None:
    media = place.opened(name, "document")
    assert (media.data, media.name) == (b"inside", "a.txt")


def test_a_path_may_be_deeper_or_absolute(place: Place, root: Path) -> None:
    assert place.opened("sub/发票.txt", "document").data == b"deeper"
    assert place.opened(str(root / "sub" / "发票.txt"), "document").name == "发票.txt"


def test_a_link_that_stays_inside_is_followed(place: Place, root: Path) -> None:
    (root / "link.txt").symlink_to("sub/发票.txt")
    (root / "folder").symlink_to("sub")
    assert place.opened("link.txt", "document").data == b"deeper"
    assert place.opened("folder/发票.txt", "document").data == b"deeper"


@pytest.mark.parametrize(
    "name",
    [
        "../secret.txt",
        "sub/../../secret.txt",
        "sub/../a.txt",
        "..\\secret.txt",
        "/etc/passwd",
        "/proc/self/environ",
        "/dev/zero",
        "/sys/kernel/notes",
        "//server/share/a.txt",
        "\\\\server\\share\\a.txt",
        "\\\\?\\C:\\a.txt",
        "C:\\Windows\\win.ini",
        "C:/Windows/win.ini",
        "a.txt\0.png",
        "../root-too/b.txt",
        "/nowhere/at/all",
    ],
)
def test_what_is_outside_is_refused_whether_it_exists_or_not(place: Place, name: str) -> None:
    with pytest.raises(InvalidInput, match=OUTSIDE) as caught:
        place.opened(name, "document")
    assert str(caught.value).startswith("document: ")
    assert "http or https URL or the path of a file in the working folder" in str(caught.value)


def test_an_absolute_path_beside_the_root_is_refused(place: Place, root: Path) -> None:
    for outside in (root.parent / "secret.txt", root.parent / "root-too" / "b.txt"):
        with pytest.raises(InvalidInput, match=OUTSIDE):
            place.opened(str(outside), "document")


def test_links_that_lead_outside_are_refused(place: Place, root: Path) -> None:
    (root / "link.txt").symlink_to(root.parent / "secret.txt")
    (root / "up").symlink_to(root.parent)
    (root / "chain.txt").symlink_to("link.txt")
    for name in ("link.txt", "chain.txt", "up/secret.txt"):
        with pytest.raises(InvalidInput, match=OUTSIDE):
            place.opened(name, "document")


def test_links_in_a_circle_are_refused(place: Place, root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    with pytest.raises(InvalidInput):
        place.opened("a", "document")


def test_home_is_not_expanded(place: Place) -> None:
    with pytest.raises(InvalidInput, match="there is no file"):
        place.opened("~/.ssh/id_rsa", "document")


@pytest.mark.parametrize("name", ["nothing.txt", "sub/nothing.txt", "a.txt/more", "x" * 5000])
def test_what_is_not_there_is_said(place: Place, name: str) -> None:
    with pytest.raises(InvalidInput, match="document: "):
        place.opened(name, "document")


def test_only_regular_files_are_read(place: Place, root: Path, tmp_path_factory: Any) -> None:
    os.mkfifo(root / "fifo")
    (root / "folder").mkdir()
    short = Path("/tmp") / f"maaskit-{os.getpid()}"  # noqa: S108 - a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(short))
        short.rename(root / "socket")
        for name in ("fifo", "folder", "socket", "."):
            with pytest.raises(InvalidInput, match=r"is not a regular file|cannot be read"):
                place.opened(name, "document")


def test_a_fifo_that_appears_between_look_and_open_holds_nothing_up(
    place: Place, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.lstat

    def swap(self: Path) -> os.stat_result:
        found = real(self)
        if self.name == "a.txt" and stat.S_ISREG(found.st_mode):
            self.unlink()
            os.mkfifo(self)
        return found

    monkeypatch.setattr(Path, "lstat", swap)
    with pytest.raises(InvalidInput, match="is not a regular file"):
        place.opened("a.txt", "document")


def swapping(monkeypatch: pytest.MonkeyPatch, swap: Callable[[], None]) -> None:
    """Do something between the check of a path and its opening, as an attacker would."""
    real = Path.lstat
    done = []

    def lstat(self: Path) -> os.stat_result:
        found = real(self)
        if not done:
            done.append(True)
            swap()
        return found

    monkeypatch.setattr(Path, "lstat", lstat)


def test_a_file_that_becomes_a_link_after_the_check_is_not_read(
    place: Place, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def swap() -> None:
        (root / "a.txt").unlink()
        (root / "a.txt").symlink_to(root.parent / "secret.txt")

    swapping(monkeypatch, swap)
    with pytest.raises(InvalidInput):
        place.opened("a.txt", "document")


def test_a_folder_that_becomes_a_link_after_the_check_is_not_entered(
    place: Place, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = root.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "发票.txt").write_text("outside")

    def swap() -> None:
        (root / "sub").rename(root / "away")
        (root / "sub").symlink_to(elsewhere)

    swapping(monkeypatch, swap)
    with pytest.raises(InvalidInput):
        place.opened("sub/发票.txt", "document")


def test_no_descriptor_stays_open(place: Place, root: Path) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - what is counted is itself open

    before = count()
    for name in ("a.txt", "sub/发票.txt", "nothing", "/etc/passwd", "sub", "empty.txt"):
        try:
            place.opened(name, "document")
        except InvalidInput:
            continue
    assert count() == before


def test_sizes_are_bounded(place: Place, root: Path) -> None:
    with pytest.raises(InvalidInput, match=r"document has 6 bytes .*at most 5 bytes"):
        place.opened("a.txt", "document", limit=5)
    with pytest.raises(InvalidInput, match=r"empty \(0 bytes\)"):
        place.opened("empty.txt", "document")


def test_a_file_that_may_not_be_read_is_said(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refuse(path: Any, *args: Any, **kwargs: Any) -> int:
        if str(path).endswith("a.txt"):
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(InvalidInput, match="cannot be read: Permission denied"):
        place.opened("a.txt", "document")


def test_without_a_root_no_file_is_read() -> None:
    for name in ("a.txt", "/etc/passwd", "../x"):
        with pytest.raises(InvalidInput, match=r"may read no file of this machine.*root_dir"):
            Place().opened(name, "document")


def test_the_machine_s_own_files_stay_closed_even_under_a_root_of_all() -> None:
    place = Place(Path("/"))
    for name in ("/proc/self/environ", "proc/self/status", "/sys/kernel/notes", "/dev/null"):
        with pytest.raises(InvalidInput, match=OUTSIDE):
            place.opened(name, "document")


PIECES = ["..", ".", "/", "\\", "a.txt", "sub", "发票.txt", "~", "\0", "etc", "passwd", "C:", "file:", "%2e%2e"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=8).map("".join)))
def test_whatever_is_named_is_inside_or_refused(place: Place, name: str) -> None:
    try:
        media = place.opened(name, "document")
    except InvalidInput:
        return
    assert media.data in (b"inside", b"deeper")


@given(st.text(max_size=60), st.sampled_from(["", "http://", "https://", "file://", "http:", "data:"]))
def test_whatever_is_given_is_a_url_or_a_path_or_refused(rest: str, scheme: str) -> None:
    place = Place()
    try:
        url = place.passed(scheme + rest, "image").url if place.is_url(scheme + rest, "image") else None
    except InvalidInput:
        return
    assert url is None or url.lower().startswith(("http://", "https://"))


# --- paths and URLs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["http://example.com/a", " HTTPS://example.com/a?b=c "])
def test_http_and_https_are_urls(source: str) -> None:
    assert Place().is_url(source, "image")
    assert Place().passed(source, "image").url == source.strip()


@pytest.mark.parametrize("source", ["a.txt", "sub/a.txt", "/etc/passwd", "C:\\a.txt", "note:1.txt", "发票.jpg"])
def test_the_rest_are_paths(source: str) -> None:
    assert not Place().is_url(source, "image")


@pytest.mark.parametrize(
    "source",
    [
        "file:///etc/passwd",
        "file:/etc/passwd",
        "FILE://localhost/etc/passwd",
        "ftp://example.com/a",
        "data:text/plain;base64,QQ==",
        "gopher://example.com/",
        "smb://server/share",
        "jar:http://example.com!/x",
        "http:/example.com",
        "http://",
        "https://exa mple.com/",
    ],
)
def test_other_urls_are_refused(source: str, root: Path) -> None:
    with pytest.raises(InvalidInput, match="image must be"):
        Place(root).is_url(source, "image")


def test_a_url_for_a_public_service_may_not_name_a_private_address() -> None:
    with pytest.raises(InvalidInput, match=r"image: 169\.254\.169\.254 is a private"):
        Place().passed("http://169.254.169.254/latest", "image")
    inner = Place(checks_hosts=False)
    assert inner.passed("http://127.0.0.1:9/a.png", "image").url == "http://127.0.0.1:9/a.png"
    named = Place(guard=Guard(hosts=frozenset({"10.0.0.7"})))
    assert named.passed("http://10.0.0.7/a.png", "image").url


@pytest.mark.parametrize(
    ("base_url", "inner"),
    [
        ("https://www.sophnet.com/api/open-apis", False),
        ("http://127.0.0.1:8080/v1", True),
        ("http://10.0.0.3", True),
        ("http://gateway:8080", True),
        ("https://maas.corp.example.com", False),
    ],
)
def test_a_gateway_is_told_from_a_public_service(base_url: str, inner: bool) -> None:
    assert has_inner_host(base_url) is inner


@pytest.mark.parametrize("folder", ["/nowhere/at/all", "", " ", 7, b"", Path(__file__)])
def test_a_root_must_be_a_folder(folder: Any) -> None:
    with pytest.raises(InvalidInput, match="root_dir"):
        checked_folder(folder, "root_dir")


def test_a_root_is_resolved(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert checked_folder(tmp_path / "link", "root_dir") == (tmp_path / "real").resolve()
    assert checked_folder(None, "root_dir") is None
