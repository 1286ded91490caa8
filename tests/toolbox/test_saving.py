"""Where results are saved: one folder, names that nobody chooses, and nothing overwritten."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

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


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="output_dir"):
        save(Media(data=b"x"), tmp_path / "file" / "out", "a")


def test_a_relative_folder_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = checked_output("out")
    os.chdir("/")
    assert folder == tmp_path.resolve() / "out"
