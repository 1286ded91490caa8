"""A small Chinese-English lexicon: words that people use when they ask for something to be done.

It bridges a question in one language and a tool described in the other; it is no translator.
"""

from __future__ import annotations

from typing import Final


def listed(words: str) -> tuple[str, ...]:
    """Read a list of words that is written as running text.

    Args:
        words: The words, separated by white space.

    Returns:
        The words.
    """
    return tuple(words.split())


TRANSLATIONS: Final = {
    "天气": "weather forecast",
    "气温": "temperature weather",
    "温度": "temperature",
    "湿度": "humidity",
    "预报": "forecast",
    "计算": "calculate compute math",
    "相加": "add sum plus",
    "加上": "add plus",
    "求和": "sum add",
    "减去": "subtract minus",
    "乘以": "multiply times",
    "除以": "divide",
    "算式": "expression calculate",
    "搜索": "search find",
    "检索": "retrieve search",
    "查询": "query lookup search",
    "查找": "find search lookup",
    "资料": "document knowledge",
    "文档": "document file",
    "文件": "file document",
    "手册": "handbook manual document",
    "知识": "knowledge",
    "翻译": "translate",
    "时间": "time clock",
    "日期": "date",
    "图片": "image picture",
    "图像": "image picture",
    "画": "draw image",
    "视频": "video",
    "语音": "speech voice audio",
    "声音": "voice sound audio",
    "朗读": "speech speak read",
    "识别": "recognize",
    "客户": "customer client",
    "用户": "user",
    "订单": "order",
    "邮件": "email mail",
    "发送": "send",
    "消息": "message",
    "短信": "message sms",
    "价格": "price cost",
    "股价": "stock price",
    "股票": "stock",
    "汇率": "exchange rate currency",
    "货币": "currency",
    "航班": "flight",
    "机票": "flight ticket",
    "酒店": "hotel",
    "预订": "book reserve booking",
    "预定": "book reserve booking",
    "门票": "ticket",
    "会议": "meeting",
    "日程": "calendar schedule",
    "提醒": "remind reminder",
    "创建": "create",
    "新建": "create new",
    "删除": "delete remove",
    "更新": "update",
    "列出": "list",
    "城市": "city",
    "地址": "address",
    "位置": "location position",
    "地点": "location place",
    "人口": "population",
    "距离": "distance",
    "路线": "route",
    "新闻": "news",
    "音乐": "music",
    "播放": "play",
    "电影": "movie film",
    "总结": "summary summarize",
    "摘要": "summary summarize",
    "代码": "code",
    "运行": "run execute",
    "数据": "data",
    "员工": "employee staff",
    "公司": "company",
    "产品": "product",
    "预算": "budget",
    "费用": "cost fee expense",
    "开放": "open opening",
    "问候": "greet greeting",
    "笑话": "joke",
}
