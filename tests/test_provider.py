import copy
import pickle

import pytest
from pydantic import SecretStr

from maaskit import ConfigurationError, Qiniu, SophNet
from maaskit.answers import error_from_status
from maaskit.errors import APIError, InvalidInput
from maaskit.wire import FilePart, Request, Response, Variable

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


def test_a_request_without_a_body_can_name_its_type():
    asked = Request("GET", "/x", content_type="application/json")
    assert sophnet().resolve(asked).headers["Content-Type"] == "application/json"
    assert sophnet().resolve(asked).content is None
    assert "Content-Type" not in sophnet().resolve(Request("GET", "/x")).headers
    mine = sophnet().resolve(asked, {"content-type": "text/x"}).headers
    assert [value for name, value in mine.items() if name.lower() == "content-type"] == ["text/x"]


def test_copies_and_pickles_are_equal():
    provider = sophnet(project_id="p")
    assert copy.deepcopy(provider) == provider == pickle.loads(pickle.dumps(provider))  # noqa: S301
    assert hash(copy.copy(provider)) == hash(provider)
    assert sophnet() != Qiniu(api_key=KEY)


@pytest.mark.parametrize("key", [5, b"secret", ["secret"], 1.5])
def test_a_key_that_is_no_string_is_refused(key):
    with pytest.raises(ConfigurationError, match="api_key of qiniu must be a string"):
        Qiniu(api_key=key)


@pytest.mark.parametrize(
    "url",
    [
        5,
        "http://[::1",
        "http://h:abc",
        "http://h:99999",
        "http://h:0",
        "http://h x/y",
        "http://h\r\nX: y/",
        "http://a\\b",
    ],
)
def test_a_base_url_that_leads_nowhere_is_refused(url):
    with pytest.raises(ConfigurationError, match="base_url of qiniu must be"):
        Qiniu(api_key=KEY, base_url=url)


@pytest.mark.parametrize("name", ["project_id", "easyllm_id", "embeddings_easyllm_id"])
@pytest.mark.parametrize("value", ["..", ".", " ", 5, "a\nb"])
def test_ids_that_would_lead_elsewhere_are_refused(name, value):
    with pytest.raises(ConfigurationError, match="id of SophNet must be"):
        sophnet(**{name: value})


@pytest.mark.parametrize("cut", range(len(KEY)))
def test_a_key_that_was_cut_is_taken_out_as_well(cut):
    text = sophnet().scrub(f"one {KEY} two {KEY[:cut]}. Three {KEY[:cut]}")
    assert text.startswith("one *** two ")
    assert KEY[:8] not in text
    assert "Three" in text


@pytest.mark.parametrize("length", range(440, 520))
def test_no_part_of_the_key_is_left_where_a_message_is_cut(length):
    for body in ('{"error":{"message":"%s"}}', "%s"):
        response = Response(401, body=(body % ("x" * length + KEY + "y" * 500)).encode())
        error = sophnet().scrub_error(error_from_status(response))
        assert KEY[:8] not in str(error)


def test_a_request_id_that_is_the_key_is_taken_out():
    assert sophnet().scrub_error(APIError("m", request_id=KEY)).request_id == "***"


@pytest.mark.parametrize("service", [None, "embeddings"])
@pytest.mark.parametrize("name", ["surrogate", "object", "circle", "depth", "bytes"])
def test_what_cannot_be_written_as_json_is_refused(service, name):
    circle: list[object] = []
    circle.append(circle)
    depth: dict[str, object] = {}
    for _ in range(5000):
        depth = {"a": depth}
    value = {"surrogate": "\ud83d", "object": object(), "circle": circle, "depth": depth, "bytes": b"\xff"}[name]
    with pytest.raises(InvalidInput, match="cannot be written as JSON"):
        sophnet(project_id="p").resolve(Request("POST", "/x", json={"a": value}, service=service))


def test_a_callers_content_type_leaves_forms_alone():
    headers = {"Content-Type": "application/json", "X-Team": "a"}
    form = sophnet().resolve(Request("POST", "/x", fields={"a": "b"}, files=(FilePart("f", "f.txt", b"x"),)), headers)
    assert form.headers["X-Team"] == "a"
    assert "content-type" not in {name.lower() for name in form.headers}
    body = sophnet().resolve(Request("POST", "/x", json={}), {"content-type": "application/json; charset=utf-8"})
    assert body.headers["content-type"] == "application/json; charset=utf-8"


def test_an_absolute_url_in_capitals_is_one():
    resolved = sophnet().resolve(Request("GET", "HTTPS://elsewhere.example/x"))
    assert resolved.url == "HTTPS://elsewhere.example/x"
    assert "Authorization" not in resolved.headers


def test_what_is_no_character_cannot_go_into_a_url():
    cloud = SophNet(api_key="secret-key", project_id="P1")
    for request in (
        Request("GET", "/x", query={"model": "M\ud800", "token": Variable("bearer")}),
        Request("GET", "/projects/{project_id}/x", query={"a": "\udcff"}, service="speech_chat"),
    ):
        with pytest.raises(InvalidInput, match="cannot be written as a URL") as caught:
            cloud.resolve(request)
        assert "secret-key" not in str(caught.value)


@pytest.mark.parametrize("end", ["", "/"])
def test_the_address_of_the_documents_openai_samples_is_the_same_cloud(monkeypatch, end):
    """Python SDK: base_url= "https://www.sophnet.com/api/open-apis/v1"."""
    given = f"https://www.sophnet.com/api/open-apis/v1{end}"
    assert sophnet(base_url=given) == sophnet()
    monkeypatch.setenv("SOPHNET_BASE_URL", given)
    request = Request("POST", "/v1/chat/completions", json={})
    assert sophnet().resolve(request).url == "https://www.sophnet.com/api/open-apis/v1/chat/completions"
    assert sophnet(base_url="https://proxy.example/v1").base_url == "https://proxy.example/v1"  # a path of its own
