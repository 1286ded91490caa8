"""What is verified of each model, in LangChain's words; what no document says is left out, because absent beats wrong.

The documents' own table stands in ``sophnet.profiles``, what model families have in common in ``openai_chat.traits``.
"""

from __future__ import annotations

from langchain_core.language_models import ModelProfile

from maaskit.openai_chat.traits import family_of
from maaskit.sophnet.profiles import profile_of


def sophnet_profile(model: str) -> ModelProfile | None:
    """Give what SophNet's document says of a model.

    Args:
        model: The model's name, exactly as SophNet spells it.

    Returns:
        The profile, or ``None`` for a model that the document does not list.

    Source:
        sophnet-api, Chat completions: 模型支持的超参和功能列表; messages, "支持Qwen VL系列模型"; response_format, which
        knows ``text`` and ``json_object`` and no schema.
    """
    line = profile_of(model)
    if line is None:
        return None
    profile = ModelProfile(text_inputs=True, text_outputs=True, temperature=line.temperature, structured_output=False)
    if line.enable_thinking or family_of(model).thinking == "always":
        profile["reasoning_output"] = True
    if model.startswith(("Qwen2-VL", "Qwen2.5-VL")):
        profile["image_inputs"] = True
        profile["image_url_inputs"] = True
    return profile


def qiniu_profile(model: str) -> ModelProfile | None:
    """Give what Qiniu's document says of a model.

    Args:
        model: The model's name.

    Returns:
        The profile, or ``None`` for a model that the document does not list.

    Source:
        qiniu-api, HTTP 调用示例: "支持模型:deepseek-r1 和 deepseek-v3"; 图片文字识别推理, whose example sends an image
        to deepseek-v3.
    """
    name = model.removesuffix("?search")
    if name not in ("deepseek-r1", "deepseek-v3"):
        return None
    profile = ModelProfile(text_inputs=True, text_outputs=True)
    if name == "deepseek-r1":
        profile["reasoning_output"] = True
    else:
        profile["image_url_inputs"] = True
    return profile
