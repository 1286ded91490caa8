import pytest

from maaskit.answers import error_from_status, parse_object, refusal_in
from maaskit.errors import (
    APIError,
    AuthenticationFailed,
    BadRequest,
    ContextOverflow,
    InsufficientBalance,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerError,
    UnexpectedAnswer,
)
from maaskit.wire import Response


def response(body: bytes | str, status: int = 200, **headers: str) -> Response:
    content = body.encode() if isinstance(body, str) else body
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, content, "/x")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, AuthenticationFailed),
        (402, InsufficientBalance),
        (403, PermissionDenied),
        (404, NotFound),
        (413, BadRequest),
        (422, BadRequest),
        (429, RateLimited),
        (500, ServerError),
        (503, ServerError),
        (409, APIError),
        (302, APIError),
    ],
)
def test_each_status_has_its_class(status, kind):
    error = error_from_status(response('{"error":{"message":"why","code":"c"}}', status, x_request_id="r1"))
    assert type(error) is kind
    assert (error.status, error.request_id) == (status, "r1")


@pytest.mark.parametrize("said", ["the API key is wrong", "the API key is wrong.", "密钥无效。", "密钥无效", "why?"])
def test_what_may_help_stands_in_a_sentence_of_its_own(said):
    told = str(error_from_status(response(f'{{"message":"{said}"}}', 401)))
    assert f"{said.rstrip('.')}. Check the api_key" in told or f"{said} Check the api_key" in told
    assert (f"{said} Check" in told) == said.endswith((".", "。", "?"))


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        ('{"error":{"message":"m","type":"t","code":"c","param":""}}', "m", "c"),
        ('{"error":{"message":"m","type":"t","code":null}}', "m", "t"),
        ('{"error":{"message":"m","code":7}}', "m", "7"),
        ('{"error":"m"}', "m", None),
        ('{"status":1001,"message":"m","result":null,"timestamp":1765420402078}', "m", "1001"),
        ('{"message":"m"}', "m", None),
        ('{"code":5,"msg":"m"}', "m", "5"),
        ('{"success":false,"message":"m"}', "m", None),
        ('{"detail":"m"}', "m", None),
        ('{"requestId":"r","code":"InvalidParameter","message":"m"}', "m", "InvalidParameter"),
        ("m", "m", None),
        ("<html>m</html>", "m", None),
    ],
)
def test_every_shape_of_an_error_body_is_read(body, message, code):
    # wire-facts C.11
    error = error_from_status(response(body, 400))
    assert message in str(error)
    assert error.code == code


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"status":401,"message":"bad key","result":null}', AuthenticationFailed),
        ('{"status":20001,"message":"m","result":null}', APIError),
        ('{"status":"500","message":"m"}', ServerError),
        ('{"code":"RateLimit.Exceeded","message":"m"}', RateLimited),
        ('{"code":"too_many_requests","message":"m"}', RateLimited),
        ('{"code":429,"message":"m"}', RateLimited),
        ('{"success":false,"message":"m"}', APIError),
        ('{"error":{"message":"m","type":"quota_exceeded_error"}}', InsufficientBalance),
        ('{"status":false,"error":"m"}', APIError),
    ],
)
def test_an_error_under_http_200_is_an_error(body, kind):
    # wire-facts C.12
    with pytest.raises(kind) as caught:
        parse_object(response(body))
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    "body",
    [
        '{"status":0,"message":"请求成功","result":[]}',
        '{"status":200,"result":{}}',
        '{"status":"0"}',
        '{"code":0,"data":{}}',
        '{"code":"success","data":{"id":1}}',
        '{"code":200,"data":{}}',
        '{"status":"running","id":"v1"}',
        '{"status":"ok"}',
        '{"status":"finish","audioFrame":null}',
        '{"error":null,"choices":[]}',
        '{"error":"","a":1}',
        '{"code":"","data":[1]}',
        '{"success":true}',
        '{"status":true}',
        '{"code":"abc","output":{"taskId":"1"}}',
    ],
)
def test_good_answers_are_not_taken_for_errors(body):
    # wire-facts C.13: an int is an envelope's status, a word is a state
    assert parse_object(response(body))


def test_an_overflow_of_the_context_has_its_own_class():
    body = '{"error":{"message":"This model\'s maximum context length is 65536 tokens","code":"x"}}'
    assert type(error_from_status(response(body, 400))) is ContextOverflow
    assert type(error_from_status(response('{"message":"输入超过模型上下文长度"}', 400))) is ContextOverflow
    assert type(error_from_status(response('{"message":"maximum context"}', 401))) is AuthenticationFailed


def test_the_gateways_firewall_is_explained():
    # wire-facts C.37
    error = error_from_status(response("<html>error code: 1010</html>", 403, content_type="text/html"))
    assert isinstance(error, PermissionDenied)
    assert "User-Agent" in str(error)


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"<html>", b"[1]", b'"text"', b"{"])
def test_what_is_no_json_object_is_an_error_with_an_excerpt(body):
    with pytest.raises(UnexpectedAnswer) as caught:
        parse_object(response(body, content_type="text/html"))
    assert caught.value.endpoint == "/x"
    assert len(caught.value.excerpt or "") <= 500


def test_a_long_explanation_is_cut():
    error = refusal_in({"error": {"message": "x" * 100_000}})
    assert error is not None
    assert len(str(error)) < 1000


@pytest.mark.parametrize("number", ["²", "1" * 5000, "--1", "1²", "٣"])
def test_numbers_that_are_none_are_no_numbers(number):
    assert refusal_in({"status": number}) is None
    error = refusal_in({"error": {"code": number, "message": "m"}})
    assert type(error) is APIError


@pytest.mark.parametrize(
    "body",
    [b'\xef\xbb\xbf{"a":"x"}', b'{"a":"x\xff"}', b'{"a":"x\\ud83d"}', b'{"a":"x\\uD83D","\\udc00":[["\\udc00"]]}'],
)
def test_one_broken_character_does_not_cost_the_answer(body):
    found = parse_object(response(body))
    assert found["a"].rstrip("\ufffd") == "x"
    str(found).encode()  # nothing is left that cannot be written


@pytest.mark.parametrize("body", [b'{"a":"\\ud83d"', b"[" * 100_000 + b'"\\ud83d"', b"\xff", b""])
def test_what_is_no_json_at_all(body):
    with pytest.raises(UnexpectedAnswer, match="not JSON"):
        parse_object(response(body))


def test_not_modified_is_no_redirect():
    assert "redirects" not in str(error_from_status(response("", 304)))
    assert "redirects" in str(error_from_status(response("", 302, location="/x")))
