"""Where an agent may go: every spelling of a private address is refused, and what its owner named is not."""

from __future__ import annotations

import ipaddress

import pytest

from maaskit import InvalidInput
from maaskit.guard import Guard, allowed, is_public

PRIVATE = [
    "http://１２７.0.0.1/",
    "http://127。0。0。1/",
    "http://ⓛocalhost/",
    "http://localhost../",
    "http://[::1%25lo]/",
    "http://intranet/",
    "http://127.0.0.1/x",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://0/",
    "http://10.1.2.3:8080/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.100.100.200/latest/meta-data/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[::10.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://localhost/",
    "http://LOCALHOST.:80/",
    "http://db.localhost/",
    "http://metadata.google.internal/",
    "http://printer.local/",
    "http://user@127.0.0.1/",
    "http://example.com@127.0.0.1/",
]
PUBLIC = [
    "https://例子.公司/a.png",
    "http://8.8.8.8/",
    "https://93.184.216.34:8443/x",
    "http://[2606:4700:4700::1111]/",
    "http://[64:ff9b::808:808]/",
    "https://example.com/a.png",
    "https://localhost.example.com/",
    "https://127.0.0.1.example.com/",
]


@pytest.mark.parametrize("url", PRIVATE)
def test_a_private_address_is_refused_in_every_spelling(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"image: .* private, loopback or link-local"):
        Guard().check_literal(url, "image")


@pytest.mark.parametrize("url", PUBLIC)
def test_a_public_address_passes(url: str) -> None:
    Guard().check_literal(url, "image")


def test_the_provider_s_own_origin_is_trusted_and_nothing_beside_it() -> None:
    guard = Guard(origins=frozenset({"http://127.0.0.1:8080"}))
    assert guard.trusts("http://127.0.0.1:8080/a?b")
    assert not guard.trusts("http://127.0.0.1:8081/")
    assert not guard.trusts("https://127.0.0.1:8080/")
    assert not guard.trusts("http://127.0.0.1:8080@10.0.0.1/")


def test_allowed_hosts_are_names_ports_and_domains() -> None:
    guard = Guard(hosts=allowed(["Files.example.com", "10.0.0.7:8080", "*.corp.test", "[fd00::7]"]))
    for url in (
        "http://files.example.com/",
        "https://FILES.EXAMPLE.COM:444/",
        "http://10.0.0.7:8080/",
        "http://a.b.corp.test/",
        "http://[fd00::7]/",
    ):
        assert guard.trusts(url), url
    for url in (
        "http://10.0.0.7/",
        "http://corp.test/",
        "http://evilcorp.test/",
        "http://files.example.com.evil.test/",
    ):
        assert not guard.trusts(url), url
    guard.check_literal("http://10.0.0.7:8080/", "image")


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1\\@example.com/",
        "http://example.com:80\\@10.0.0.1/",
        "http://u@10.0.0.1:80@example.com/",
        "http://loc%61lhost/",
        "http://localhost%00.example.com/",
    ],
)
def test_a_host_that_parsers_read_differently_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"image: .* is no plain host"):
        Guard().check_literal(url, "image")


def test_names_of_any_script_are_allowed_and_compared() -> None:
    guard = Guard(hosts=allowed(["例子.公司", "*.内网.cn", "FILES.example.com.", "::1", "[fd00::7]:80"]))
    for url in (
        "http://xn--fsqu00a.xn--55qx5d/",
        "http://例子.公司/a",
        "http://文档.内网.cn/",
        "http://files.example.com/",
        "http://files.example.com./",
        "http://[::1]/",
        "http://[fd00::7]/",
    ):
        assert guard.trusts(url), url
    assert not guard.trusts("http://内网.cn/")
    assert not guard.trusts("https://[fd00::7]/")


_NO_HOSTS = [
    "example.com",
    [7],
    ["http://example.com"],
    [""],
    ["*"],
    ["a@b"],
    ["a/b"],
    ["a b"],
    ["a\nb"],
    ["a:b"],
    ["a:"],
]


@pytest.mark.parametrize("hosts", [*_NO_HOSTS, ["a:99999"], ["*.*"], ["[::1"], ["*."]])
def test_what_is_no_host_is_refused(hosts: object) -> None:
    with pytest.raises(InvalidInput, match="allowed_hosts"):
        allowed(hosts)  # type: ignore[arg-type]


def test_no_hosts_are_none() -> None:
    assert allowed(None) == frozenset()


@pytest.mark.parametrize("text", ["203.0.113.9", "198.18.0.1", "240.0.0.1", "2001:db8::1", "2001:0:7f00:1::"])
def test_reserved_addresses_are_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))
