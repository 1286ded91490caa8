"""Qiniu's own part of a chat request: the model's name with and without the search."""

import pytest

from maaskit import InvalidInput
from maaskit.qiniu import chat

MESSAGES = [{"role": "user", "content": "七牛云提供 GPU 云产品能用于哪些场景?"}]


@pytest.mark.parametrize("ask", [chat.complete, chat.stream])
@pytest.mark.parametrize("model", ["deepseek-v3", "deepseek-v3?search"])
def test_a_search_is_added_once(ask, model):
    assert ask(MESSAGES, model, search=True).request.json["model"] == "deepseek-v3?search"
    assert ask(MESSAGES, model).request.json["model"] == model


@pytest.mark.parametrize("ask", [chat.complete, chat.stream])
@pytest.mark.parametrize("model", ["", " ", None, 5])
@pytest.mark.parametrize("search", [True, False])
def test_no_name_is_no_model_with_a_search_either(ask, model, search):
    with pytest.raises(InvalidInput, match="model must be"):
        ask(MESSAGES, model, search=search)
