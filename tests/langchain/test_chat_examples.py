"""The examples in the docstrings of the chat models run as they stand."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from typing import Any

import pytest
from PIL import Image

from maaskit.langchain import ChatQiniu, ChatSophNet
from maaskit.sandbox import Sandbox
from tests.scripted import Reply, ScriptedServer

CODE = re.compile(r"^( *)\.\. code-block:: python\n\n((?:\1 {4}.*\n|\n)+)", re.MULTILINE)


def examples(cloud: Any) -> list[str]:
    found = [textwrap.dedent(code) for _, code in CODE.findall(inspect.getdoc(cloud) + "\n")]
    assert len(found) >= 10
    return found


@pytest.mark.parametrize("cloud", [ChatQiniu, ChatSophNet])
async def test_the_examples_run(
    cloud: Any, sandbox: Sandbox, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name, value in sandbox.env().items():
        monkeypatch.setenv(name, value)
    Image.new("RGB", (40, 40), "red").save(tmp_path / "a.png")
    scripted.script(Reply(200, {"content-type": "image/png"}, [(tmp_path / "a.png").read_bytes()], chunked=False))
    names: dict[str, Any] = {"__name__": "example"}
    for example in examples(cloud):
        code = re.sub(r'"https://[^"]+\.(?:png|jpg)"', f'"{scripted.url}/a.png"', example)
        compiled = compile(code, "<example>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(compiled, names)  # noqa: S307 - our own docstrings
        if inspect.isawaitable(result):
            await result
    assert len(sandbox.requests) >= 12
