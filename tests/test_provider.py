import copy
import pickle

import pytest
from pydantic import SecretStr

from maaskit import ConfigurationError, Qiniu, SophNet
from maaskit.errors import APIError
from maaskit.wire import FilePart, Request, Variable

KEY = "secret-key-1234567890"


def sophnet(**settings):
    return SophNet(api_key=KEY, **settings)


def test_a_missing_key_names_its_variable():
    with pytest.raises(ConfigurationError, match="QINIU_API_KEY"):
        Qiniu()
    with pytest.raises(ConfigurationError, match="SOPHNET_API_KEY or SOPH_API_KEY"):
        SophNet.from_env()


def test_settings_come_from_the_environment(monkeypatch):
    for name, value in {
        "QINIU_API_KEY": "q",
        "QINIU_BASE_URL": "https://q.example/v1/",
        "SOPH_API_KEY": "s2",
        "SOPHNET_PROJECT_ID": "p",
        "SOPHNET_EASYLLM_ID": "e",
        "SOPHNET_DOC_PARSE_EASYLLM_ID": "d",
        "LLM_API_KEY": "another cloud's",
    }.items():
        monkeypatch.setenv(name, value)
    assert Qiniu().base_url == "https://q.example/v1"
    assert Qiniu().api_key.get_secret_value() == "q"
    provider = SophNet()
    assert provider.api_key.get_secret_value() == "s2"
    assert provider.variable("project_id", "embeddings") == "p"
    assert provider.variable("easyllm_id", "embeddings") == "e"
    assert provider.variable("easyllm_id", "doc_parse") == "d"
    monkeypatch.setenv("SOPHNET_API_KEY", "s1")
    assert SophNet().api_key.get_secret_value() == "s1"
    assert SophNet(api_key="mine").api_key.get_secret_value() == "mine"


def test_the_documents_hosts_are_the_defaults():
    assert Qiniu(api_key="k").base_url == "https://api.qnaigc.com/v1"
    assert sophnet().base_url == "https://www.sophnet.com/api/open-apis"
    assert sophnet().origin == "https://www.sophnet.com:443"


@pytest.mark.parametrize("key", ["", "  ", "Bearer ", "line\nbreak", "钥匙", "two words"])
def test_what_cannot_be_a_key_is_refused_without_showing_it(key):
    with pytest.raises(ConfigurationError) as caught:
        Qiniu(api_key=key)
    assert not key.strip() or key not in str(caught.value)


def test_the_word_bearer_is_taken_off():
    # wire-facts C.33
    for key in ("abc", " abc\n", "Bearer abc", "bearer  abc", SecretStr("abc")):
        resolved = Qiniu(api_key=key).resolve(Request("GET", "/models"))
        assert resolved.headers["Authorization"] == "Bearer abc"


@pytest.mark.parametrize("url", ["", "ftp://x/v1", "https://", "https://u:p@x/v1", "https://x/v1?a=1", "nonsense"])
def test_what_cannot_be_a_base_url_is_refused(url, monkeypatch):
    if url:
        with pytest.raises(ConfigurationError, match="base_url"):
            Qiniu(api_key=KEY, base_url=url)
    else:
        assert Qiniu(api_key=KEY, base_url=url).base_url == Qiniu.default_base_url


def test_resolve_fills_path_body_form_and_query():
    provider = sophnet(project_id="p/1", easyllm_id="e1")
    request = Request(
        "POST",
        "/projects/{project_id}/x",
        json={"easyllm_id": Variable("easyllm_id"), "deep": [{"id": Variable("easyllm_id")}], "t": "{project_id}"},
        query={"key": Variable("api_key"), "token": Variable("bearer")},
        service="embeddings",
    )
    resolved = provider.resolve(request)
    assert resolved.url == (f"https://www.sophnet.com/api/open-apis/projects/p%2F1/x?key={KEY}&token=Bearer%20{KEY}")
    assert resolved.content == b'{"easyllm_id":"e1","deep":[{"id":"e1"}],"t":"{project_id}"}'
    form = Request(
        "POST",
        "/x",
        fields={"easyllm_id": Variable("easyllm_id")},
        service="doc_parse",
        files=(FilePart("data", json={"easyllm_id": Variable("easyllm_id")}, content_type="application/json"),),
    )
    resolved = provider.resolve(form)
    assert resolved.fields == {"easyllm_id": "e1"}
    assert resolved.files[0].content == b'{"easyllm_id":"e1"}'
    assert "Content-Type" not in resolved.headers  # the boundary belongs to the HTTP library (wire-facts C.35)


def test_missing_ids_name_their_variables():
    request = Request("POST", "/projects/{project_id}/x", json={"id": Variable("easyllm_id")}, service="embeddings")
    with pytest.raises(ConfigurationError, match="SOPHNET_PROJECT_ID"):
        sophnet().resolve(request)
    with pytest.raises(ConfigurationError, match="SOPHNET_EMBEDDINGS_EASYLLM_ID or SOPHNET_EASYLLM_ID"):
        sophnet(project_id="p").resolve(request)


def test_the_key_is_nowhere_but_in_the_request():
    provider = sophnet(project_id="p", easyllm_id="e")
    resolved = provider.resolve(Request("GET", "/x", query={"apikey": Variable("api_key")}))
    assert KEY in resolved.url
    for shown in (repr(provider), str(provider), repr(resolved), repr(provider.__dict__)):
        assert KEY not in shown


def test_errors_are_scrubbed():
    with pytest.raises(APIError) as caught, sophnet().discreet():
        raise APIError(f"Incorrect API key provided: {KEY}", code=f"bad {KEY}")
    assert KEY not in str(caught.value)
    assert KEY not in repr(caught.value.__dict__)
    assert "***" in str(caught.value)


def test_callers_headers_win_without_doubling():
    resolved = Qiniu(api_key=KEY).resolve(Request("POST", "/x", json={}), {"content-type": "application/x", "X-A": "1"})
    assert [value for name, value in resolved.headers.items() if name.lower() == "content-type"] == ["application/x"]
    assert resolved.headers["X-A"] == "1"


def test_copies_and_pickles_are_equal():
    provider = sophnet(project_id="p")
    assert copy.deepcopy(provider) == provider == pickle.loads(pickle.dumps(provider))  # noqa: S301
    assert hash(copy.copy(provider)) == hash(provider)
    assert sophnet() != Qiniu(api_key=KEY)
