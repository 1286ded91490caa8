"""Cities that the responder knows by name, with their coordinates.

It is a short list: other places are recognised by where they stand in a sentence.
"""

from __future__ import annotations

from typing import Final

CITIES: Final[dict[str, tuple[str, float, float]]] = {
    "beijing": ("北京", 39.9042, 116.4074),
    "shanghai": ("上海", 31.2304, 121.4737),
    "guangzhou": ("广州", 23.1291, 113.2644),
    "shenzhen": ("深圳", 22.5431, 114.0579),
    "hangzhou": ("杭州", 30.2741, 120.1551),
    "nanjing": ("南京", 32.0603, 118.7969),
    "suzhou": ("苏州", 31.2990, 120.5853),
    "wuhan": ("武汉", 30.5928, 114.3055),
    "chengdu": ("成都", 30.5728, 104.0668),
    "chongqing": ("重庆", 29.5630, 106.5516),
    "xi'an": ("西安", 34.3416, 108.9398),
    "tianjin": ("天津", 39.3434, 117.3616),
    "qingdao": ("青岛", 36.0671, 120.3826),
    "xiamen": ("厦门", 24.4798, 118.0894),
    "sanya": ("三亚", 18.2528, 109.5119),
    "kunming": ("昆明", 25.0389, 102.7183),
    "harbin": ("哈尔滨", 45.8038, 126.5350),
    "hong kong": ("香港", 22.3193, 114.1694),
    "taipei": ("台北", 25.0330, 121.5654),
    "tokyo": ("东京", 35.6762, 139.6503),
    "osaka": ("大阪", 34.6937, 135.5023),
    "seoul": ("首尔", 37.5665, 126.9780),
    "singapore": ("新加坡", 1.3521, 103.8198),
    "london": ("伦敦", 51.5072, -0.1276),
    "paris": ("巴黎", 48.8566, 2.3522),
    "berlin": ("柏林", 52.5200, 13.4050),
    "madrid": ("马德里", 40.4168, -3.7038),
    "rome": ("罗马", 41.9028, 12.4964),
    "moscow": ("莫斯科", 55.7558, 37.6173),
    "new york": ("纽约", 40.7128, -74.0060),
    "los angeles": ("洛杉矶", 34.0522, -118.2437),
    "san francisco": ("旧金山", 37.7749, -122.4194),
    "chicago": ("芝加哥", 41.8781, -87.6298),
    "boston": ("波士顿", 42.3601, -71.0589),
    "seattle": ("西雅图", 47.6062, -122.3321),
    "toronto": ("多伦多", 43.6532, -79.3832),
    "sydney": ("悉尼", -33.8688, 151.2093),
}

BY_NAME: Final = {name: city for english, city in CITIES.items() for name in (english, city[0])}
"""Every city by its English name in lower case and by its Chinese one."""

LANGUAGES: Final = (
    "Chinese",
    "English",
    "French",
    "German",
    "Spanish",
    "Italian",
    "Japanese",
    "Korean",
    "Russian",
    "Portuguese",
    "Arabic",
    "Dutch",
    "中文",
    "英文",
    "英语",
    "汉语",
    "法语",
    "德语",
    "西班牙语",
    "意大利语",
    "日语",
    "日文",
    "韩语",
    "俄语",
    "葡萄牙语",
    "阿拉伯语",
)
