"""Sockets to places that are none, and through proxies that cannot be."""

import asyncio

import pytest

from maaskit import AsyncClient, Client, ConfigurationError, ConnectionFailed, MaasError, Qiniu, RetryPolicy, qiniu
from maaskit.sandbox import Sandbox

KEY = "secret-key-1234567890"


@pytest.fixture(params=[Client, AsyncClient], ids=["sync", "async"])
def opened(request):
    """Open and leave a conversation."""

    def verb(base_url):
        client = request.param(Qiniu(api_key=KEY, base_url=base_url), retry_policy=RetryPolicy(max_retries=0))
        if request.param is Client:
            with client, client.connect(qiniu.transcription_stream.listen()):
                return True

        async def main():
            async with client, client.connect(qiniu.transcription_stream.listen()):
                return True

        return asyncio.run(main())

    return verb


@pytest.mark.parametrize("host", ["a" * 64 + ".com", "files..example.com"])
def test_a_host_that_is_none_is_an_error_of_ours(opened, host):
    with pytest.raises(ConfigurationError, match="cannot be opened") as caught:
        opened(f"http://{host}/v1")
    assert KEY not in str(caught.value)


def test_a_proxy_with_a_port_that_is_none_is_an_error_of_ours(opened, monkeypatch):
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("ws_proxy", "http://user:proxy-password@127.0.0.1:99999")
    with pytest.raises(MaasError) as caught:
        opened("http://cloud.invalid/v1")
    assert "proxy-password" not in str(caught.value)


def test_who_dials_through_a_proxy_is_told_so(opened, scripted, monkeypatch):
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY", "ws_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", scripted.url.replace("//", "//user:proxy-password@"))
    scripted.close()
    with pytest.raises(ConnectionFailed, match="NO_PROXY") as caught:
        opened("http://cloud.invalid/v1")
    assert caught.value.accepted is False
    assert "proxy-password" not in str(caught.value)


def test_who_speaks_no_tls_is_told_apart(opened):
    with Sandbox(api_key=KEY) as sandbox, pytest.raises(ConnectionFailed, match="http://"):
        opened(sandbox.qiniu_url.replace("http", "https"))


def test_a_scheme_may_be_written_in_capitals(opened):
    with Sandbox(api_key=KEY) as sandbox:
        assert opened(sandbox.qiniu_url.replace("http", "HTTP"))
