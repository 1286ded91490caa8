"""LangChain's own suites for tools: every tool, over the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

from maaskit.langchain import (
    QiniuOCRTool,
    QiniuSpeechTool,
    QiniuTranscriptionTool,
    SophNetDocumentTool,
    SophNetImageEditTool,
    SophNetImageTool,
    SophNetOCRTool,
    SophNetSpeechTool,
    SophNetTranscriptionTool,
    SophNetVideoTool,
)
from maaskit.sandbox import Sandbox
from tests.scripted import ScriptedServer
from tests.scripted_tools import KEY, ToolClouds, png, wav


class Shelf:
    """Put local files where the services fetch them: on the scripted server."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server

    def upload(self, media: Any) -> str:
        return f"{self.server.url}/files/{media.name}"


class Setting:
    """Say what is tested, and where."""

    kind: ClassVar[type]
    arguments: ClassVar[dict[str, Any]]
    params: dict[str, Any]

    @property
    def tool_constructor(self) -> Any:
        return self.kind

    @property
    def tool_constructor_params(self) -> dict[str, Any]:
        return self.params

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return self.arguments

    def settings(self, clouds: ToolClouds, sandbox: Sandbox | None, root: Path) -> dict[str, Any]:
        """Give a tool's settings: a folder with a file of each kind, and one of the clouds."""
        (root / "talk.wav").write_bytes(wav())
        (root / "scan.png").write_bytes(png())
        (root / "report.txt").write_text("It is sunny.")
        qiniu = self.kind.__name__.startswith("Qiniu")
        shared: dict[str, Any] = {"root_dir": root}
        if "storage" in self.kind.model_fields:  # type: ignore[attr-defined]
            shared["storage"] = Shelf(clouds.server)
        if sandbox is None:
            return shared | (clouds.qiniu if qiniu else clouds.sophnet)
        shared["api_key"] = sandbox.api_key
        if qiniu:
            return shared | {"base_url": sandbox.qiniu_url}
        ids = {"project_id": sandbox.project_id, "easyllm_id": sandbox.easyllm_id}
        return shared | {"base_url": sandbox.sophnet_url, **ids}


class Unit(Setting, ToolsUnitTests):
    """Run the suite that asks nobody."""

    @pytest.fixture(autouse=True)
    def _cloud(self, scripted: ScriptedServer, tmp_path: Path) -> None:
        self.params = self.settings(ToolClouds(scripted), None, tmp_path)

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        base_url = "https://maas.example.com/v1"
        if self.kind.__name__.startswith("Qiniu"):
            known = {"QINIU_API_KEY": KEY, "QINIU_BASE_URL": base_url}
            return known, {}, {"api_key": KEY, "base_url": base_url}
        known = {"SOPHNET_API_KEY": KEY, "SOPHNET_BASE_URL": base_url}
        known |= {"SOPHNET_PROJECT_ID": "P", "SOPHNET_EASYLLM_ID": "E"}
        return known, {}, {"api_key": KEY, "base_url": base_url, "project_id": "P", "easyllm_id": "E"}


class Integration(Setting, ToolsIntegrationTests):
    """Run the suite that calls."""

    @pytest.fixture(autouse=True)
    def _cloud(self, sandbox: Sandbox, scripted: ScriptedServer, tmp_path: Path) -> None:
        self.params = self.settings(ToolClouds(scripted), sandbox, tmp_path)
        self.url = f"{scripted.url}/files/talk.wav"
        # What goes wrong must not pass for a result.
        self.params |= {"handle_tool_error": False, "handle_validation_error": False}


SPEECH = {"text": "It is sunny."}
AUDIO = {"audio": "talk.wav"}
IMAGE = {"image": "scan.png"}
EDIT = {"prompt": "make it red", "images": ["scan.png"]}
VIDEO = {"prompt": "a red ball", "size": "480*832", "duration": 1, "seed": 1}


class TestQiniuSpeechUnit(Unit):
    kind = QiniuSpeechTool
    arguments: ClassVar[dict[str, Any]] = SPEECH


class TestQiniuSpeechIntegration(Integration):
    kind = QiniuSpeechTool
    arguments: ClassVar[dict[str, Any]] = SPEECH


class TestQiniuTranscriptionUnit(Unit):
    kind = QiniuTranscriptionTool
    arguments: ClassVar[dict[str, Any]] = AUDIO


class TestQiniuTranscriptionIntegration(Integration):
    kind = QiniuTranscriptionTool

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"audio": self.url}


class TestQiniuOCRUnit(Unit):
    kind = QiniuOCRTool
    arguments: ClassVar[dict[str, Any]] = IMAGE


class TestQiniuOCRIntegration(Integration):
    kind = QiniuOCRTool
    arguments: ClassVar[dict[str, Any]] = IMAGE


class TestSophNetSpeechUnit(Unit):
    kind = SophNetSpeechTool
    arguments: ClassVar[dict[str, Any]] = SPEECH


class TestSophNetSpeechIntegration(Integration):
    kind = SophNetSpeechTool
    arguments: ClassVar[dict[str, Any]] = SPEECH


class TestSophNetTranscriptionUnit(Unit):
    kind = SophNetTranscriptionTool
    arguments: ClassVar[dict[str, Any]] = AUDIO


class TestSophNetTranscriptionIntegration(Integration):
    kind = SophNetTranscriptionTool
    arguments: ClassVar[dict[str, Any]] = AUDIO


class TestSophNetOCRUnit(Unit):
    kind = SophNetOCRTool
    arguments: ClassVar[dict[str, Any]] = IMAGE


class TestSophNetOCRIntegration(Integration):
    kind = SophNetOCRTool
    arguments: ClassVar[dict[str, Any]] = IMAGE


class TestSophNetDocumentUnit(Unit):
    kind = SophNetDocumentTool
    arguments: ClassVar[dict[str, Any]] = {"document": "report.txt"}


class TestSophNetDocumentIntegration(Integration):
    kind = SophNetDocumentTool
    arguments: ClassVar[dict[str, Any]] = {"document": "report.txt"}


class TestSophNetImageUnit(Unit):
    kind = SophNetImageTool
    arguments: ClassVar[dict[str, Any]] = {"prompt": "a red ball", "size": "1328x1328", "seed": 1}


class TestSophNetImageIntegration(Integration):
    kind = SophNetImageTool
    arguments: ClassVar[dict[str, Any]] = {"prompt": "a red ball", "size": "1328x1328", "seed": 1}


class TestSophNetImageEditUnit(Unit):
    kind = SophNetImageEditTool
    arguments: ClassVar[dict[str, Any]] = EDIT


class TestSophNetImageEditIntegration(Integration):
    kind = SophNetImageEditTool
    arguments: ClassVar[dict[str, Any]] = EDIT


class TestSophNetVideoUnit(Unit):
    kind = SophNetVideoTool
    arguments: ClassVar[dict[str, Any]] = VIDEO


class TestSophNetVideoIntegration(Integration):
    kind = SophNetVideoTool
    arguments: ClassVar[dict[str, Any]] = VIDEO
