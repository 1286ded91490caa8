"""Where results are saved: one folder, names that nobody chooses, and nothing overwritten."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from maaskit import ConfigurationError, InvalidInput, Media
from maaskit.toolbox import saving
from maaskit.toolbox.saving import checked_output, save


def test_names_are_generated_whatever_the_media_is_called(tmp_path: Path) -> None:
    media = Media(data=b"ID3sound", name="../../etc/cron.d/evil.sh", content_type="audio/mpeg")
    path = save(media, tmp_path / "out", "sophnet_speech")
    assert path.parent == tmp_path / "out"
    assert re.fullmatch(r"sophnet_speech-[0-9a-f]{16}\.mp3", path.name)
    assert path.read_bytes() == b"ID3sound"
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


def test_every_result_has_a_name_of_its_own(tmp_path: Path) -> None:
    media = Media(data=b"x", content_type="image/png")
    assert len({save(media, tmp_path, "a") for _ in range(50)}) == 50


def test_nothing_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving.secrets, "token_hex", lambda _: "same")
    media = Media(data=b"new", content_type="image/png")
    (tmp_path / "a-same.png").write_bytes(b"old")
    with pytest.raises(ConfigurationError, match="cannot be saved in output_dir"):
        save(media, tmp_path, "a")
    assert (tmp_path / "a-same.png").read_bytes() == b"old"


def test_a_link_in_the_way_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving.secrets, "token_hex", lambda _: "same")
    (tmp_path / "a-same.png").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError):
        save(Media(data=b"new", content_type="image/png"), tmp_path, "a")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("kind", ["text/html", "application/x-sh", "image/svg+xml", "application/octet-stream"])
def test_only_known_types_give_an_ending(tmp_path: Path, kind: str) -> None:
    assert save(Media(data=b"?", name="a.exe", content_type=kind), tmp_path, "a").suffix == ".bin"


def test_half_a_file_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def opened(self: Path, *args: Any, **kwargs: Any) -> Any:
        file = real(self, *args, **kwargs)

        class Full:
            def __enter__(self) -> Any:
                return self

            def __exit__(self, *_: object) -> None:
                file.close()

            def write(self, data: bytes) -> int:
                file.write(data[:1])
                raise OSError(28, "No space left on device")

        return Full()

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(ConfigurationError, match="No space left on device"):
        save(Media(data=b"xyz", content_type="image/png"), tmp_path, "a")
    assert not list(tmp_path.iterdir())


_FULL_AFTER_100_BYTES = """
import resource, signal, sys
from pathlib import Path
from maaskit import ConfigurationError, Media
from maaskit.toolbox.saving import save

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    save(Media(data=b"x" * int(sys.argv[2])), Path(sys.argv[1]), "a")
except ConfigurationError:
    sys.exit(0 if not list(Path(sys.argv[1]).iterdir()) else 3)
"""


@pytest.mark.skipif(os.name == "nt", reason="the limit is POSIX's")
@pytest.mark.parametrize("size", [2000, 500_000], ids=["noticed at the close", "noticed while writing"])
def test_a_disk_that_is_really_full_keeps_no_half_file(tmp_path: Path, size: int) -> None:
    run = subprocess.run(  # noqa: S603 - its own script
        [sys.executable, "-c", _FULL_AFTER_100_BYTES, str(tmp_path), str(size)], check=False, timeout=60
    )
    assert run.returncode == 0


def test_an_interrupt_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def opened(self: Path, *args: Any, **kwargs: Any) -> Any:
        file = real(self, *args, **kwargs)
        interrupted = mock.MagicMock()
        interrupted.write.side_effect = KeyboardInterrupt
        interrupted.__exit__.side_effect = lambda *_: file.close()
        return interrupted

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(KeyboardInterrupt):
        save(Media(data=b"xyz"), tmp_path, "a")
    assert not list(tmp_path.iterdir())


def test_the_folder_is_made_when_it_is_needed(tmp_path: Path) -> None:
    folder = checked_output(tmp_path / "not" / "yet")
    assert folder is not None
    assert not folder.exists()
    assert save(Media(data=b"x"), folder, "a").exists()
    assert checked_output(None) is None


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for wrong in (tmp_path / "file", "", 7):
        with pytest.raises(InvalidInput, match="output_dir"):
            checked_output(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a\0b", "~nobody-of-this-name/x", "x" * 5000, "a/" * 3000, "\ud800"])
def test_what_can_be_no_folder_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="output_dir") as raised:
        checked_output(name)
    assert len(str(raised.value)) < 300


def test_links_in_a_circle_are_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises((InvalidInput, ConfigurationError), match="output_dir"):  # Python tells it sooner or later
        save(Media(data=b"x"), checked_output(tmp_path / "a") or tmp_path, "a")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="output_dir"):
        save(Media(data=b"x"), tmp_path / "file" / "out", "a")


def test_a_relative_folder_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = checked_output("out")
    os.chdir("/")
    assert folder == tmp_path.resolve() / "out"
