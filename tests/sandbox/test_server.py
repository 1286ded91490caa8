from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from maaskit.sandbox import Sandbox
from tests.waiting import until

SOURCE_ROOT = Path(__file__).parents[2] / "integrations"


def get(sandbox: Sandbox, timeout: float = 30) -> httpx.Response:
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    return httpx.get(f"{sandbox.qiniu_url}/models", headers=headers, timeout=timeout)


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE_ROOT), **variables}
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_environment_points_both_providers_at_it() -> None:
    with Sandbox() as sandbox:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", sandbox.qiniu_url)
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/api/open-apis", sandbox.sophnet_url)
        assert sandbox.env() == {
            "QINIU_API_KEY": sandbox.api_key,
            "QINIU_BASE_URL": sandbox.qiniu_url,
            "QINIU_ACCESS_KEY": sandbox.storage.access_key,
            "QINIU_SECRET_KEY": sandbox.storage.secret_key,
            "QINIU_BUCKET": sandbox.storage.bucket,
            "QINIU_DOMAIN": f"{sandbox.origin}/-/bucket",
            "QINIU_UPLOAD_URL": sandbox.origin,
            "SOPHNET_API_KEY": sandbox.api_key,
            "SOPHNET_BASE_URL": sandbox.sophnet_url,
            "SOPHNET_PROJECT_ID": sandbox.project_id,
            "SOPHNET_EASYLLM_ID": sandbox.easyllm_id,
        }
        assert get(sandbox).status_code == 200


async def test_async_with_leaves_the_callers_loop_alone() -> None:
    async with Sandbox() as sandbox:
        # A blocking request holds this loop up: only a sandbox that runs elsewhere can answer it.
        assert get(sandbox).status_code == 200


def test_it_is_gone_after_the_block() -> None:
    with Sandbox() as sandbox:
        url = sandbox.qiniu_url
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/models", timeout=60)
    with pytest.raises(RuntimeError, match="used once"):
        sandbox.start()


def test_outside_of_a_block_there_is_no_address() -> None:
    with pytest.raises(RuntimeError, match="with block"):
        _ = Sandbox().qiniu_url


def test_a_taken_port_is_told() -> None:
    with Sandbox() as first:
        port = int(first.origin.rpartition(":")[2])
        with pytest.raises(OSError, match="address already in use"):
            Sandbox(port=port).start()


def test_it_listens_on_loopback_alone() -> None:
    with Sandbox() as sandbox:
        assert sandbox.origin.startswith("http://127.0.0.1:")


def test_it_ends_soon_though_requests_hang() -> None:
    lost: list[Exception] = []

    def hang(sandbox: Sandbox) -> None:
        try:
            get(sandbox, timeout=120)
        except httpx.HTTPError as error:
            lost.append(error)

    with Sandbox() as sandbox:
        sandbox.faults.add(stall_s=120, times=None)
        waiting = [threading.Thread(target=hang, args=(sandbox,)) for _ in range(5)]
        for thread in waiting:
            thread.start()
        until(lambda: len(sandbox.requests) == 5)
        started = time.perf_counter()
    assert time.perf_counter() - started < 30
    for thread in waiting:
        thread.join()
    assert len(lost) == 5


def test_nothing_is_left_open() -> None:
    code = """
import warnings, gc, threading
warnings.simplefilter("error")
from maaskit.sandbox import Sandbox
import httpx
for _ in range(3):
    with Sandbox() as s:
        headers = {"Authorization": "Bearer " + s.api_key}
        body = {"model": "deepseek-v3", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
        assert httpx.post(s.qiniu_url + "/chat/completions", json=body, headers=headers, timeout=60).status_code == 200
        s.faults.add(cut_after_events=1)
        try:
            httpx.post(s.qiniu_url + "/chat/completions", json=body, headers=headers, timeout=60)
        except httpx.RemoteProtocolError:
            pass
gc.collect()
print([t.name for t in threading.enumerate() if t.name == "maaskit-sandbox"])
"""
    done = run("-X", "dev", "-W", "error::ResourceWarning", "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
    assert "ResourceWarning" not in done.stderr
    assert "never awaited" not in done.stderr


def test_a_missing_extra_is_named() -> None:
    missing = "import sys; sys.modules['aiohttp'] = None\n"
    for code in ("import maaskit.sandbox", "from maaskit.sandbox import Sandbox"):
        done = run("-c", missing + code)
        assert done.returncode != 0
        assert 'pip install "maaskit[sandbox]"' in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_command_prints_exports_and_serves_until_interrupted() -> None:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE_ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", "maaskit.sandbox", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(11)]
        exports = dict(re.fullmatch(r"export (\w+)=(\S+)", line).groups() for line in lines)  # type: ignore[union-attr]
        assert set(exports) == {
            "QINIU_API_KEY",
            "QINIU_BASE_URL",
            "QINIU_ACCESS_KEY",
            "QINIU_SECRET_KEY",
            "QINIU_BUCKET",
            "QINIU_DOMAIN",
            "QINIU_UPLOAD_URL",
            "SOPHNET_API_KEY",
            "SOPHNET_BASE_URL",
            "SOPHNET_PROJECT_ID",
            "SOPHNET_EASYLLM_ID",
        }
        headers = {"Authorization": f"Bearer {exports['QINIU_API_KEY']}"}
        assert httpx.get(f"{exports['QINIU_BASE_URL']}/models", headers=headers, timeout=60).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0


def test_the_sandbox_shares_no_code_with_what_it_examines() -> None:
    code = "import sys\nfrom maaskit.sandbox.application import handler_modules\nlist(handler_modules())\n"
    code += "print([m for m in sys.modules if m.startswith('maaskit.') and not m.startswith('maaskit.sandbox')])"
    done = run("-c", code)
    assert done.stdout.strip() == "[]", done.stderr
