import asyncio
import copy
import gc
import multiprocessing
import os
import pickle
import sys
import threading
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from maaskit import AsyncClient, Client, ConfigurationError, Qiniu, loop_clients, qiniu
from maaskit.connections import Settings, shared_async_client, shared_client
from tests.scripted import FOREVER, json_reply, sse_reply
from tests.waiting import until

CALL = qiniu.chat.complete([{"role": "user", "content": "x"}], "m")
STREAM = qiniu.chat.stream([{"role": "user", "content": "x"}], "m")
ANSWER = {"choices": [{"message": {"content": "好"}, "finish_reason": "stop"}]}


@pytest.fixture
def settings(scripted):
    scripted.script(json_reply(ANSWER))
    return Settings(Qiniu(api_key="k", base_url=scripted.url), timeout=30)


async def ask(settings: Settings) -> str:
    client = await settings.async_client()
    return (await client.send(CALL)).content


def test_one_client_per_process(settings):
    assert settings.client().send(CALL).content == "好"
    assert shared_client() is shared_client()
    shared_client().close()
    assert settings.client().send(CALL).content == "好"


def test_several_event_loops_leave_nothing_behind(settings, recwarn):
    clients = []

    async def main():
        clients.append(await shared_async_client())
        assert await shared_async_client() is clients[-1]
        return await asyncio.gather(*[ask(settings) for _ in range(9)])

    for _ in range(3):
        assert asyncio.run(main()) == ["好"] * 9
    assert len(set(map(id, clients))) == 3
    assert all(client.is_closed for client in clients)
    gc.collect()
    assert not recwarn.list


def test_a_loop_that_is_just_closed_leaves_no_socket_and_is_let_go(settings, scripted, recwarn):
    """LlamaIndex's ``asyncio_run`` makes such a loop for each call."""
    loops = []

    async def main():
        for _ in range(5):
            loop = asyncio.new_event_loop()
            loops.append(weakref.ref(loop))
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(loop.run_until_complete, ask(settings)).result() == "好"
                pool.submit(loop.close).result()
        del loop

    asyncio.run(main())
    until(lambda: not any(thread.is_alive() for thread in scripted._threads))  # each serves one until it is closed
    gc.collect()
    assert [loop() for loop in loops] == [None] * 5
    assert not recwarn.list


def test_loops_that_ended_untold_are_let_go(settings):
    async def main():
        await ask(settings)
        return asyncio.get_running_loop()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    connection = loop_clients._by_loop[loop].client._transport._idle[0][1]
    connection.abort()
    loop.run_until_complete(asyncio.sleep(0))
    type(loop).close(loop)  # past what tells us
    assert loop in loop_clients._by_loop
    asyncio.run(main())
    assert not loop_clients._by_loop


def test_streams_left_open_when_the_loop_ends(scripted, recwarn):
    scripted.script(sse_reply({"choices": [{"delta": {"content": "x"}}]}, FOREVER))
    settings = Settings(Qiniu(api_key="k", base_url=scripted.url))

    async def main():
        client = await settings.async_client()
        async for _ in client.stream(STREAM):
            break

    asyncio.run(main())
    assert scripted.disconnected.wait(30)
    gc.collect()
    assert not recwarn.list


def test_threads_share_the_process_and_not_the_loop(settings):
    answers = []

    def work():
        answers.append(settings.client().send(CALL).content)
        answers.append(asyncio.run(ask(settings)))

    threads = [threading.Thread(target=work) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["好"] * 18


def test_copies_and_pickles_still_ask(settings):
    for again in (copy.deepcopy(settings), pickle.loads(pickle.dumps(settings))):  # noqa: S301
        assert again.client().send(CALL).content == "好"


def _in_the_child(settings: Settings, answers) -> None:
    answers.put((settings.client().send(CALL).content, asyncio.run(ask(settings))))


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="fork is not used here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_reports_no_connection_of_its_parent_as_left_open(settings):
    settings.client().send(CALL)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        child = os.fork()
        if child == 0:
            gc.collect()
            os._exit(any(one.category is ResourceWarning for one in told))
        _, status = os.waitpid(child, 0)
    assert status == 0
    assert settings.client().send(CALL).content == "好"


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="fork is not used here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_makes_its_own_connections(settings, scripted):
    settings.client().send(CALL)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_in_the_child, args=(settings, answers))
    child.start()
    assert answers.get(timeout=60) == ("好", "好")
    child.join(60)
    assert settings.client().send(CALL).content == "好"
    parents = {seen.connection for seen in (scripted.seen[0], scripted.seen[-1])}
    assert scripted.seen[1].connection not in parents


def test_a_users_own_clients_are_used_and_left_open(scripted):
    scripted.script(json_reply(ANSWER))
    seen = []
    own = httpx.Client(event_hooks={"request": [seen.append]})
    settings = Settings(Qiniu(api_key="k", base_url=scripted.url), http_client=own)
    with settings.client() as client:
        client.send(CALL)
    assert len(seen) == 1
    assert not own.is_closed
    own.close()


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_proxy_that_cannot_be_used_is_said(kind, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://user:proxy-password@127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "socksio", None)
    with pytest.raises(ConfigurationError, match=r"httpx\[socks\]") as caught:
        kind(Qiniu(api_key="k"))
    assert "proxy-password" not in str(caught.value)
    monkeypatch.setenv("ALL_PROXY", "ftp://127.0.0.1:9")
    with pytest.raises(ConfigurationError, match="holds no URL of a proxy"):
        kind(Qiniu(api_key="k"))


def test_proxies_come_from_the_environment(scripted, monkeypatch):
    scripted.script(json_reply(ANSWER))
    monkeypatch.setenv("HTTP_PROXY", scripted.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", scripted.url)
    shared_client().close()
    try:
        answer = Settings(Qiniu(api_key="k", base_url="http://cloud.invalid/v1")).client().send(CALL)
    finally:
        shared_client().close()
    assert answer.content == "好"
    assert scripted.seen[0].path == "http://cloud.invalid/v1/chat/completions"
