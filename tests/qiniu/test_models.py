import pytest

from maaskit.errors import UnexpectedAnswer
from maaskit.qiniu import models
from maaskit.wire import Response


def read(body: bytes):
    return models.list_models().read(Response(200, {}, body))


def test_only_the_id_is_relied_on():
    found = read(
        b'{"object":"list","data":[{"id":"deepseek/deepseek-v3.2-251201"},{"id":"x","created":1,"owned_by":"q"},{}]}'
    )
    assert [(model.id, model.created, model.owned_by) for model in found] == [
        ("deepseek/deepseek-v3.2-251201", None, None),
        ("x", 1, "q"),
    ]
    assert models.list_models().request.path == "/models"


@pytest.mark.parametrize("body", [b"{}", b'{"data":{}}', b"[]"])
def test_no_list_is_an_error(body):
    with pytest.raises(UnexpectedAnswer):
        read(body)
