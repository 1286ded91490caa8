from __future__ import annotations

from typing import Any

import pytest

from maaskit.sandbox.responder import Ask, Picture, respond
from tests.sandbox.responder.schemas import ask


def said(question: str = "", **fields: Any) -> str:
    return respond(Ask(user=question, **fields)).text


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ("Repeat after me exactly: foo bar: baz!", "foo bar: baz!"),
        ("Please repeat the following: one\ntwo", "one\ntwo"),
        ("Echo this: ping", "ping"),
        ("Say exactly 'ready' and nothing more", "ready"),
        ('Reply with only the word "pong"', "pong"),
        ("Reply with exactly the following text: A-1", "A-1"),
        ("请原样重复:你好,世界", "你好,世界"),
        ("跟我说:潮水来了", "潮水来了"),
        ("只回复“好的”", "好的"),
        ("Count from one to five", "1, 2, 3, 4, 5"),
        ("count up to 3", "1, 2, 3"),
        ("从三数到六", "3、4、5、6"),
    ],
)
def test_what_is_said_word_for_word(request_: str, words: str) -> None:
    assert said(request_) == words


def test_a_prompt_with_context_is_no_request_to_repeat() -> None:
    prompt = (
        "Answer the question based only on the following context:\nThe pool opens at nine.\n\n"
        "Question: When does the pool open?"
    )
    assert said(prompt) == "The pool opens at nine."
    assert said("Answer only from this text: Tea is at four.\n\nWhen is tea?") == "Tea is at four."


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        (
            (
                "Use the following pieces of context to answer the question at the end.\n\n"
                "[1] (rules.pdf, p. 3) The pool opens at nine.\n[2] (menu.txt) Tea is at four.\n\n"
                "Question: When is tea?\nHelpful Answer:"
            ),
            "According to menu.txt: “Tea is at four.”",
        ),
        (
            (
                "Context information is below.\n----------------\nfile_path: rules.pdf\n\nThe pool opens at nine.\n"
                "----------------\nGiven the context information and not prior knowledge, answer the query.\n"
                "Query: When does the pool open?\nAnswer: "
            ),
            "According to rules.pdf: “The pool opens at nine.”",
        ),
        ("已知信息:\n[手册.pdf] 海滩门票35元。\n\n问题:门票多少钱?", "根据 手册.pdf:「海滩门票35元。」"),
        ("My locker code is 4711. What is my locker code?", "My locker code is 4711."),
    ],
)
def test_passages_in_the_prompt_are_quoted_with_their_source(prompt: str, answer: str) -> None:
    assert said(prompt) == answer


def test_the_system_message_and_the_history_are_read() -> None:
    assert (
        said("When does the depot open?", system="You are a helper. The depot opens at six.")
        == "The depot opens at six."
    )
    history = (("user", "My dog is called Rex."), ("assistant", "Nice to meet you."))
    assert said("What is my dog called?", past=history) == "My dog is called Rex."
    assert "maaskit" in said("What is your favourite colour?", past=history)


def test_orders_to_the_model_are_not_quoted() -> None:
    system = "You answer questions about tides. Always cite your sources when you answer questions about tides."
    assert "cite" not in said("Questions about tides, do you answer them with sources?", system=system)


@pytest.mark.parametrize(
    ("results", "question", "answer"),
    [
        (["It's sunny."], "What's the weather in Oslo?", "It's sunny."),
        (["20"], "今日上海天气如何?", "20"),
        (['{"result": 3}'], "What is 1 + 2", "result: 3"),
        (
            ["[a.pdf] Tickets cost 35 yuan. Dogs stay outside."],
            "How much is a ticket?",
            "According to a.pdf: “Tickets cost 35 yuan.”",
        ),
        (["[手册.pdf] 门票35元。停车10元。"], "停车多少钱?", "根据 手册.pdf:「停车10元。」"),
        (["cold", "12"], "Weather in Oslo and 3*4?", "cold\n12"),
        ([""], "Weather?", "The tools returned nothing."),
        (["Error: no such city"], "Weather in Xanadu?", "The tool lookup reported an error: Error: no such city"),
    ],
)
def test_tool_results_are_told(results: list[str], question: str, answer: str) -> None:
    done = [("lookup", {}, result) for result in results]
    assert respond(ask(question, done=done)).text == answer


def test_a_summary_takes_the_first_sentences() -> None:
    text = "The sea is large. It is salty. Fish live in it. Boats cross it."
    assert said(f"Summarize this:\n{text}") == "The sea is large.\nIt is salty.\nFish live in it."
    assert said("请总结以下内容:\n海很大。海水是咸的。") == "海很大。\n海水是咸的。"


def test_pictures() -> None:
    sign = (Picture("Room 4711\nPlease knock", 320, 200, "white"),)
    assert said("Which room is it?", pictures=sign) == "Room 4711"
    assert "Please knock" in said("Read the text in the picture", pictures=sign)
    assert said("How large is the image?", pictures=sign).startswith(
        "The picture is 320x200 pixels large and mostly white."
    )
    assert "白色" in said("这张图片是什么颜色的?", pictures=sign)
    blank = (Picture("", 64, 48, "red"),)
    assert (
        said("describe it", pictures=blank)
        == "The picture is 64x48 pixels large and mostly red. No text was found in it."
    )
    assert "4711" in said("", pictures=sign)
    assert "Gate 23" in said("请帮我整理图片中的内容并整理一份报告给我", pictures=(Picture("Gate 23"),))


@pytest.mark.parametrize(
    "prompt",
    [
        (
            "Given the following conversation and a follow up question, rephrase the follow up question to be a "
            "standalone question.\n\nChat History:\nHuman: hi\n"
            "Follow Up Input: And when does it close?\nStandalone question:"
        ),
        (
            "Rewrite the message to be a standalone question that captures all context.\n\n<Chat History>\nuser: hi\n\n"
            "<Follow Up Message>\nAnd when does it close?\n\n<Standalone question>\n"
        ),
        "请把追问改写为独立的问题。\n历史:你好\n追问:And when does it close?",
    ],
)
def test_a_follow_up_is_given_back_as_a_question(prompt: str) -> None:
    assert said(prompt) == "And when does it close?"


def test_a_system_message_may_want_that_too() -> None:
    system = "Given a chat history and the latest question, formulate a standalone question. Do not answer it."
    history = (("user", "When does the pool open?"), ("assistant", "At nine."))
    assert said("And when does it close?", system=system, past=history) == "And when does it close?"


@pytest.mark.parametrize(
    "greeting", ["Hello", "hi there", "Good morning!", "你好", "您好!", "how are you", "who are you?", "你是谁"]
)
def test_it_says_what_it_is(greeting: str) -> None:
    text = said(greeting)
    assert "maaskit" in text or "rules" in text or "规则" in text


def test_it_answers_in_the_language_of_the_question() -> None:
    assert "规则" in said("人生的意义是什么?")
    assert "rule" in said("What is the meaning of life?") or "sandbox" in said("What is the meaning of life?")


def test_it_notes_what_it_is_told() -> None:
    assert said("My name is Bob.") == "Noted: My name is Bob."
    assert said("我叫小明。").startswith("记下了")


def test_it_composes_as_much_as_is_wanted() -> None:
    short, long = said("Write a poem about tides"), said("Write a story of 600 words about tides")
    assert "tides" in short
    assert len(long.split()) > 500
    assert "海" in said("写一首关于海的诗")


def test_other_answers_are_phrased_otherwise() -> None:
    question = Ask(user="Hello")
    assert len({respond(question, index).text for index in range(8)}) > 1
    assert respond(question, 3) == respond(question, 3)


def test_a_sum_without_a_calculator() -> None:
    assert said("What is 3*7?") == "3*7 = 21"
    assert said("七乘以六等于几?") == "7 * 6 = 42"


@pytest.mark.parametrize(
    ("history", "question", "answer"),
    [
        ("Hi! I'm Bob", "What is my name?", "Your name is Bob."),
        ("Call me Mary Ann, please", "What's my name?", "Your name is Mary Ann."),
        ("我叫小明", "我叫什么名字?", "你叫小明。"),
    ],
)
def test_it_remembers_a_name(history: str, question: str, answer: str) -> None:
    assert said(question, past=(("user", history), ("assistant", "Hello"))) == answer


def test_every_tool_has_its_word_in_the_answer() -> None:
    done = [("weather", {}, "It is sunny in Oslo."), ("calculator", {}, "4")]
    assert respond(ask("What is the weather in Oslo and how much is 2+2?", done=done)).text == "It is sunny in Oslo.\n4"
