"""Which tools are offered: what is configured, or what the user names."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from maaskit import InvalidInput, MaasError, SophNet
from maaskit.access import settings_of
from maaskit.toolbox import SOPHNET_TOOLS, chosen, made, rules
from maaskit.toolbox.selection import checked_options
from tests.scripted_tools import KEY


def test_a_service_without_an_id_is_left_out_and_a_line_says_so(caplog: pytest.LogCaptureFixture) -> None:
    provider = SophNet(api_key=KEY)
    with caplog.at_level(logging.DEBUG, logger="maaskit.toolbox"):
        names = [kind.name for kind in chosen(SOPHNET_TOOLS, provider)]
    assert names == ["sophnet_ocr", "sophnet_image", "sophnet_image_edit", "sophnet_video"]
    for name in ("sophnet_speech", "sophnet_transcription", "sophnet_document"):
        assert f"{name} is left out: " in caplog.text
    assert "SOPHNET_PROJECT_ID" in caplog.text
    assert KEY not in caplog.text


def test_one_service_s_own_id_is_enough_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOPHNET_DOC_PARSE_EASYLLM_ID", "D")
    names = [kind.name for kind in chosen(SOPHNET_TOOLS, SophNet(api_key=KEY, project_id="P"))]
    assert "sophnet_document" in names
    assert "sophnet_speech" not in names


def test_include_chooses_by_either_name_and_order() -> None:
    provider = SophNet(api_key=KEY, project_id="P", easyllm_id="E")
    found = chosen(SOPHNET_TOOLS, provider, ["generate_video", "sophnet_ocr", "recognize_text"])
    assert [kind.name for kind in found] == ["sophnet_video", "sophnet_ocr"]
    assert chosen(SOPHNET_TOOLS, provider, []) == []


def test_unknown_and_unconfigured_names_are_errors() -> None:
    provider = SophNet(api_key=KEY)
    with pytest.raises(InvalidInput, match=r"include: there is no tool 'sophnet_dance'; there are sophnet_speech"):
        chosen(SOPHNET_TOOLS, provider, ["sophnet_dance"])
    with pytest.raises(InvalidInput, match="include must be a list"):
        chosen(SOPHNET_TOOLS, provider, "sophnet_ocr")
    with pytest.raises(MaasError, match=r"sophnet_speech is not configured: .*SOPHNET_PROJECT_ID"):
        chosen(SOPHNET_TOOLS, provider, ["sophnet_speech"])


def test_a_document_has_more_patience_unless_the_user_sets_it() -> None:
    provider = SophNet(api_key=KEY, project_id="P", easyllm_id="E")
    (kind,) = chosen(SOPHNET_TOOLS, provider, ["sophnet_document"])
    for timeout, patience in ((None, 600.0), (30.0, 30.0)):
        (tool,) = made([kind], settings_of(provider, timeout=timeout), rules(provider))
        assert tool.means.settings.timeout == patience


def test_rules_refuse_what_is_none(tmp_path: Path) -> None:
    provider = SophNet(api_key=KEY)
    for wrong in ({"root_dir": tmp_path / "no"}, {"output_dir": ""}, {"allowed_hosts": "x"}, {"task_timeout": 0}):
        with pytest.raises(InvalidInput, match=next(iter(wrong))):
            rules(provider, **wrong)  # type: ignore[arg-type]


def test_options_are_checked_by_tool() -> None:
    checked_options(SOPHNET_TOOLS, {"sophnet_image": {"model": "z-image-turbo"}, "generate_video": {"model": "m"}})
    for wrong in ({"no_tool": {}}, {"sophnet_image": {"colour": 1}}, {"sophnet_image": 5}, [1]):
        with pytest.raises(InvalidInput, match="options"):
            checked_options(SOPHNET_TOOLS, wrong)  # type: ignore[arg-type]
