"""Where requests go by the environment and by the URL, and what is said of a place that is none."""

import asyncio

import httpx
import pytest

from maaskit import AsyncClient, Client, ConfigurationError, ConnectionFailed, Qiniu, RetryPolicy, qiniu
from maaskit.async_plain_http import AsyncPlainTransport
from maaskit.plain_http import PlainTransport
from maaskit.transport import new_async_client, new_client
from tests.scripted import json_reply

KEY = "secret-key-1234567890"
MODELS = json_reply({"object": "list", "data": [{"id": "m"}]})
ONCE = RetryPolicy(max_retries=0)
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

NO_HOSTS = {
    "too long a label": "http://" + "a" * 64 + ".com/v1",
    "an empty label": "http://files..example.com/v1",
    "no punycode": "http://xn--a/v1",
    "no name": "http://☃.invalid/v1",
}


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in (*VARIABLES, *(name.lower() for name in VARIABLES)):
        monkeypatch.delenv(name, raising=False)


def performed(kind, base_url, verb):
    """Let a driver of a kind do something."""
    provider = Qiniu(api_key=KEY, base_url=base_url)
    if kind is Client:
        with Client(provider, retry_policy=ONCE, timeout=5) as client:
            return verb(client)

    async def main():
        async with AsyncClient(provider, retry_policy=ONCE, timeout=5) as client:
            return await verb(client)

    return asyncio.run(main())


def listed(client):
    return client.send(qiniu.models.list_models())


@pytest.fixture(params=[Client, AsyncClient], ids=["sync", "async"])
def kind(request):
    return request.param


@pytest.mark.parametrize("exceptions", ["localhost,127.0.0.1", "localhost,127.0.0.1,::1,fe80::/10", "*"])
def test_exceptions_without_a_proxy_are_no_proxy(kind, scripted, monkeypatch, exceptions):
    monkeypatch.setenv("NO_PROXY", exceptions)
    with new_client() as client:
        assert isinstance(client._transport, PlainTransport)
    assert isinstance(new_async_client()._transport, AsyncPlainTransport)
    scripted.script(MODELS)
    assert [model.id for model in performed(kind, scripted.url, listed)] == ["m"]


def test_an_exception_that_cannot_be_read_is_told_by_its_own_name(kind, scripted, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://user:proxy-password@127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "localhost,fe80::/10")
    with pytest.raises(ConfigurationError, match="NO_PROXY") as caught:
        performed(kind, scripted.url, listed)
    assert "proxy-password" not in str(caught.value)


def test_a_port_that_is_none_is_no_proxy(kind, scripted, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://user:proxy-password@127.0.0.1:99999")
    with pytest.raises(ConfigurationError, match="holds no URL of a proxy") as caught:
        performed(kind, scripted.url, listed)
    assert "proxy-password" not in str(caught.value)


def test_who_asks_through_a_proxy_is_told_so(kind, scripted, monkeypatch):
    gone = scripted.url
    scripted.close()
    monkeypatch.setenv("HTTP_PROXY", gone.replace("//", "//user:proxy-password@"))
    with pytest.raises(ConnectionFailed, match="proxy") as caught:
        performed(kind, "http://cloud.invalid/v1", listed)
    assert caught.value.accepted is False
    assert "proxy-password" not in str(caught.value)


@pytest.mark.parametrize("base_url", NO_HOSTS.values(), ids=NO_HOSTS)
def test_a_host_that_is_none_is_an_error_of_ours(kind, base_url):
    with pytest.raises(ConfigurationError, match="/models cannot be sent"):
        performed(kind, base_url, listed)


@pytest.mark.parametrize("url", NO_HOSTS.values(), ids=NO_HOSTS)
def test_nothing_is_downloaded_from_a_host_that_is_none(kind, scripted, url):
    with pytest.raises(ConfigurationError, match="cannot be sent"):
        performed(kind, scripted.url, lambda client: client.download(url))


@pytest.mark.parametrize("base_url", NO_HOSTS.values(), ids=NO_HOSTS)
def test_a_host_that_is_none_is_an_error_of_ours_over_a_users_own_client(base_url):
    provider = Qiniu(api_key=KEY, base_url=base_url)
    with httpx.Client() as own, pytest.raises(ConfigurationError, match="/models cannot be sent"):
        listed(Client(provider, http_client=own))


def test_a_scheme_may_be_written_in_capitals(kind, scripted):
    scripted.script(MODELS)
    base_url = scripted.url.replace("http", "HTTP")
    assert [model.id for model in performed(kind, base_url, listed)] == ["m"]
    assert Qiniu(api_key=KEY, base_url=base_url).base_url == scripted.url
