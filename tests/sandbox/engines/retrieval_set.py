"""Passages and questions about invented things, for measuring how well a retriever finds the right passage.

No test stands here.
"""

from __future__ import annotations

CHINESE = {
    "hours": "青石图书馆每周二至周日开放，上午九点开门，晚上八点半闭馆，周一全天闭馆整理图书。",
    "card": "办理借书证需要携带身份证原件并缴纳一百元押金，学生凭学生证可以免交押金。",
    "late": "逾期归还的图书按每天每册两角收取滞纳金，丢失图书须按原价的三倍赔偿。",
    "room": "三楼设有十二间研讨室，每间可容纳六人，需要提前一天在网上预约，最长使用四个小时。",
    "bridge": "望江大桥全长一千二百米，主跨四百八十米，是一座双塔斜拉桥，于二零一八年建成通车。",
    "toll": "小型客车通过望江大桥每次收费十元，货车按轴数计费，节假日小客车免费。",
    "tea": "云雾茶生长在海拔八百米以上的山坡，每年清明前后采摘，泡茶水温以八十五度为宜。",
    "panda": "熊猫馆饲养着七只大熊猫，每天上午十点和下午三点各有一次喂食讲解。",
    "pump": "型号为QX-30的水泵额定流量每小时三十立方米，扬程四十五米，电机功率七点五千瓦。",
    "fault": "水泵启动后不出水，多半是泵内有空气或吸水管漏气，应当先灌水排气再检查密封圈。",
    "leave": "员工累计工作满一年不满十年的，年休假五天；满十年不满二十年的，年休假十天。",
    "expense": "出差报销须在返回后十五个工作日内提交，住宿发票和行程单缺一不可。",
    "rent": "租客退租时应提前三十天书面通知房东，房屋验收无损坏的，押金在七日内退还。",
    "cake": "烤戚风蛋糕时烤箱先预热到一百五十度，中下层烤五十分钟，出炉后立即倒扣放凉。",
    "visa": "短期商务签证的停留期为九十天，申请材料包括邀请函、在职证明和近六个月的银行流水。",
    "dam": "清水河水库总库容两亿立方米，承担着下游六个县的灌溉和防洪任务。",
}
CHINESE_QUESTIONS = [
    ("图书馆几点关门？", "hours"),
    ("请问图书馆星期一开不开放，周一可以去吗", "hours"),
    ("学生办借书证要交押金吗？", "card"),
    ("书还晚了怎么罚款，逾期每天收多少钱？", "late"),
    ("书弄丢了要赔多少", "late"),
    ("怎样预约研讨室，最多能用多久？", "room"),
    ("望江大桥有多长", "bridge"),
    ("大桥是什么时候建成通车的？", "bridge"),
    ("开小客车过望江大桥要收费多少", "toll"),
    ("泡云雾茶用多少度的水？", "tea"),
    ("大熊猫喂食的时间是什么时候", "panda"),
    ("QX-30水泵的功率是多大？", "pump"),
    ("水泵启动以后抽不出水，是什么原因", "fault"),
    ("工作十二年的员工年休假有几天？", "leave"),
    ("差旅报销要在多少个工作日内提交", "expense"),
    ("退租要提前多久通知房东？", "rent"),
    ("押金什么时候退还给租客", "rent"),
    ("戚风蛋糕要烤多长时间", "cake"),
    ("商务签证可以停留多少天？", "visa"),
    ("申请签证需要哪些材料", "visa"),
    ("清水河水库的库容是多少", "dam"),
]
ENGLISH = {
    "lamp": "The lighthouse at Port Ennis was built in 1871. Its lamp flashes twice every ten seconds and is visible "
    "from twenty-two nautical miles.",
    "ferry": "The ferry to Skelly Island leaves at 7:40 and 16:15 on weekdays. A return ticket costs 18 euros; "
    "bicycles travel free of charge.",
    "honey": "Heather honey is harvested in late August. It is dark, strongly scented and so thick that it must be "
    "pressed out of the combs.",
    "battery": "Charge the battery for at least four hours before first use. A full charge lasts about nine hours of "
    "continuous recording.",
    "reset": "To restore factory settings, hold the power button and the volume key together for twelve seconds "
    "until the red light blinks.",
    "warranty": "The manufacturer guarantees the device for 24 months from the date of purchase. Damage by water is "
    "not covered by this warranty.",
    "refund": "Customers may return unopened goods within 30 days. Refunds are paid to the original card within five "
    "business days.",
    "parking": "Visitors park in garage C. The first two hours are free, afterwards every started hour costs three "
    "dollars.",
    "glacier": "The Marn glacier has lost a third of its volume since 1950 and now ends at 1,940 metres above the sea.",
    "orchestra": "The orchestra employs 84 musicians. Auditions for the string section take place every spring "
    "behind a curtain.",
    "bread": "Knead the dough for ten minutes, let it rise overnight in the refrigerator and bake the loaf at 240 "
    "degrees with steam.",
    "server": "Backups of the database run every night at 02:30 and are kept for 35 days in a second data centre.",
    "password": "Passwords must have at least fourteen characters and are locked after five failed attempts.",
    "tax": "Small companies with a yearly turnover below 85,000 pounds need not register for value added tax.",
    "horse": "Przewalski horses were reintroduced to the Mongolian steppe in 1992; about 400 animals live in the wild "
    "today.",
}
ENGLISH_QUESTIONS = [
    ("When was the lighthouse built?", "lamp"),
    ("How far away can the lamp of Port Ennis be seen?", "lamp"),
    ("What does a return ticket to the island cost?", "ferry"),
    ("At what time do the ferries leave?", "ferry"),
    ("Why does heather honey have to be pressed?", "honey"),
    ("How long do I have to charge the battery?", "battery"),
    ("How can I restore the factory settings of my device?", "reset"),
    ("Does the warranty cover water damage?", "warranty"),
    ("For how many months is the device guaranteed?", "warranty"),
    ("Can I get a refund if I return the goods?", "refund"),
    ("Where should visitors park?", "parking"),
    ("How much volume has the glacier lost?", "glacier"),
    ("How many musicians play in the orchestra?", "orchestra"),
    ("What temperature should the bread be baked at?", "bread"),
    ("How long are database backups kept?", "server"),
    ("How many characters does a password need?", "password"),
    ("After how many failed attempts is the account locked?", "password"),
    ("Must a small company register for tax?", "tax"),
    ("How many Przewalski horses live in the wild?", "horse"),
]

# Not looked at while weights were chosen.
CHINESE_CHECK = [
    ("图书馆哪天闭馆整理图书", "hours"),
    ("借书证的押金是多少钱？", "card"),
    ("研讨室一间能坐几个人", "room"),
    ("请问这座大桥的主跨是多少米？", "bridge"),
    ("货车过桥怎么计费", "toll"),
    ("云雾茶一般什么时候采摘？", "tea"),
    ("熊猫馆里一共有几只大熊猫", "panda"),
    ("水泵的扬程是多少米？", "pump"),
    ("吸水管漏气该怎么处理", "fault"),
    ("工作满一年可以休几天年假？", "leave"),
    ("报销需要准备发票吗", "expense"),
    ("水库给下游几个县提供灌溉", "dam"),
]
ENGLISH_CHECK = [
    ("How often does the lighthouse lamp flash?", "lamp"),
    ("May I take my bicycle on the ferry, and what does it cost?", "ferry"),
    ("When do people harvest heather honey?", "honey"),
    ("How many hours can I record on a full charge?", "battery"),
    ("Which keys must be held to reset the device?", "reset"),
    ("Within how many days can unopened goods be returned?", "refund"),
    ("What is the parking fee after two hours?", "parking"),
    ("Where does the Marn glacier end today?", "glacier"),
    ("When are auditions held for string players?", "orchestra"),
    ("How long should I knead the dough?", "bread"),
    ("At what time does the nightly backup run?", "server"),
    ("When were the wild horses reintroduced to Mongolia?", "horse"),
]
