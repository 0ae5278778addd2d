"""Kinds of pictures: told by words alone, measured on captions that people labelled."""

from __future__ import annotations

import pytest

from composer.stages.kinds import kind_of
from composer.types import Language, SlotKind

Labelled = tuple[tuple[str, SlotKind], ...]

# The rules were made to get these right.
KNOWN: dict[Language, Labelled] = {
    "en": (
        ("A map of the trade routes along the river", "diagram"),
        ("How the pump works: a cross-section", "diagram"),
        ("The miller's ladder", "object"),
        ("A brass compass on a wooden table", "object"),
        ("Close-up of the gears in the church clock", "object"),
        ("Portrait of the founder at forty", "person"),
        ("A baker in Lisbon shapes the last loaves", "person"),
        ("Marie Curie works at her bench", "person"),
        ("The keep above the bend of the river", "place"),
        ("A quiet lane between hedges, with the hill ahead", "place"),
        ("Tiles in Lisbon", "place"),
        ("Visitors climb the narrow stairs of the tower", "scene"),
        ("White sails on the far ridge", "scene"),
        ("A heron waits in the shallows at first light", "scene"),
        ("The market square fills with shoppers", "scene"),
        # These were fresh once; with rules that did not know them 11 of 15 were told rightly.
        ("Coffee exports by year, 1950 to 2020", "diagram"),
        ("Floor plan of the monastery", "diagram"),
        ("The route of the first crossing, drawn on a chart", "diagram"),
        ("A clay water jar from the second century", "object"),
        ("Freshly roasted beans in a scoop", "object"),
        ("An old typewriter", "object"),
        ("The lighthouse keeper on his evening round", "person"),
        ("A young violin maker at the workbench", "person"),
        ("Amelia Earhart beside her aeroplane", "person"),
        ("Terraced rice fields above the village", "place"),
        ("The old railway station, seen from the bridge", "place"),
        ("The harbour of Valparaíso at night", "place"),
        ("Snow falls on the empty platform", "scene"),
        ("Children fly kites on the beach", "scene"),
        ("Fishing boats come home before the storm", "scene"),
        # Fresh before the second mending: 13 of 15.
        ("The water cycle as a simple chart", "diagram"),
        ("Family tree of the founders", "diagram"),
        ("Temperatures over time", "diagram"),
        ("A worn pair of climbing boots", "object"),
        ("The first edition of the atlas", "object"),
        ("Dried mushrooms in a basket", "object"),
        ("The beekeeper lifts a frame from the hive", "person"),
        ("Nelson Mandela speaks to the court", "person"),
        ("A grandmother with her knitting", "person"),
        ("The volcano above the clouds", "place"),
        ("Backstreets in Naples", "place"),
        ("A Roman aqueduct across a dry valley", "place"),
        ("Dancers whirl in the square at midnight", "scene"),
        ("Lava runs into the sea", "scene"),
        ("Breakfast on the night train", "scene"),
    ),
    "zh": (
        ("丝绸之路路线图", "diagram"),
        ("水车的结构图", "diagram"),
        ("磨坊主的木梯", "object"),
        ("桌上的黄铜指南针", "object"),
        ("钟楼齿轮的特写", "object"),
        ("创始人四十岁时的肖像", "person"),
        ("里斯本的面包师正在揉面", "person"),
        ("李四光在野外观察岩石", "person"),
        ("河湾上的主楼", "place"),
        ("树篱之间的小径", "place"),
        ("里斯本的老街", "place"),
        ("游客登上塔楼狭窄的楼梯", "scene"),
        ("远处山脊上的白帆", "scene"),
        ("清晨，苍鹭在浅水里等待", "scene"),
        ("集市上挤满了买菜的人群", "scene"),
        # These were fresh once; 9 of 15 were told rightly.
        ("历年茶叶出口量的变化图", "diagram"),
        ("修道院平面图", "diagram"),
        ("首次横渡的航线，绘于海图上", "diagram"),
        ("公元二世纪的陶水罐", "object"),
        ("勺子里刚烘好的咖啡豆", "object"),
        ("一台老式打字机", "object"),
        ("灯塔守护者在傍晚巡视", "person"),
        ("工作台前的年轻制琴师", "person"),
        ("邓丽君在舞台上演唱", "person"),
        ("村子上方的层层梯田", "place"),
        ("从桥上望见的老火车站", "place"),
        ("夜色中的外滩", "place"),
        ("雪落在空无一人的站台上", "scene"),
        ("孩子们在沙滩上放风筝", "scene"),
        ("暴风雨前归航的渔船", "scene"),
        # Fresh before the second mending: 9 of 15.
        ("水循环的简单图示", "diagram"),
        ("创始家族的谱系", "diagram"),
        ("古城复原图", "diagram"),
        ("一双磨旧的登山靴", "object"),
        ("第一版地图册", "object"),
        ("篮子里的干蘑菇", "object"),
        ("养蜂人从蜂箱里提起巢框", "person"),
        ("袁隆平站在稻田里", "person"),
        ("打毛线的外婆", "person"),
        ("云海之上的火山", "place"),
        ("那不勒斯的后街", "place"),
        ("横跨干谷的罗马水道桥", "place"),
        ("午夜广场上旋转的舞者们", "scene"),
        ("熔岩流入大海", "scene"),
        ("夜行列车上的早餐", "scene"),
    ),
}

# Labelled after the rules were final, and not used to mend them: what a new caption may expect.
FRESH: dict[Language, Labelled] = {
    "en": (
        ("How cheese is made, step by step: a flowchart", "diagram"),
        ("A sketch map of the old town", "diagram"),
        ("Rainfall in the valley, month by month", "diagram"),
        ("Three handmade combs", "object"),
        ("A steaming bowl of noodles", "object"),
        ("Rust on the hinge of the gate", "object"),
        ("The last ferryman of the delta", "person"),
        ("A girl in a yellow raincoat", "person"),
        ("Rosa Parks sits at the front of the bus", "person"),
        ("Vineyards on the south slope", "place"),
        ("The reading room of the national library", "place"),
        ("Downtown Havana", "place"),
        ("Bakers load the oven before dawn", "scene"),
        ("Storks circle over the marsh", "scene"),
        ("Evening traffic on the ring road", "scene"),
    ),
    "zh": (
        ("奶酪制作流程图", "diagram"),
        ("老城手绘地图", "diagram"),
        ("河谷逐月降雨量", "diagram"),
        ("三把手工木梳", "object"),
        ("一碗热气腾腾的面条", "object"),
        ("门铰链上的锈迹", "object"),
        ("三角洲最后的摆渡人", "person"),
        ("穿黄色雨衣的小女孩", "person"),
        ("钱学森在黑板前讲课", "person"),
        ("南坡的葡萄园", "place"),
        ("国家图书馆的阅览室", "place"),
        ("哈瓦那市中心", "place"),
        ("天亮前，面包师们把面团送进烤炉", "scene"),
        ("鹳鸟在沼泽上空盘旋", "scene"),
        ("环城路上的晚高峰", "scene"),
    ),
}


def wrong_of(labelled: Labelled, language: Language) -> list[str]:
    """The captions that are told wrongly, with what was said."""
    told = [(caption, kind, kind_of(caption, "", "", language, opening=False)) for caption, kind in labelled]
    return [f"{caption}: {said}, not {kind}" for caption, kind, said in told if said != kind]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_known(language: Language) -> None:
    assert wrong_of(KNOWN[language], language) == []


@pytest.mark.parametrize(("language", "measured"), [("en", 9), ("zh", 9)])
def test_fresh(language: Language, measured: int) -> None:
    """Of 15 each: as many as were right when they were measured, no claim that all are."""
    wrong = wrong_of(FRESH[language], language)
    assert 15 - len(wrong) >= measured, wrong


def test_an_opening_picture_is_one_whatever_it_shows() -> None:
    assert kind_of("A map of the delta", "", "", "en", opening=True) == "opening"


def test_what_must_be_seen_decides_where_the_caption_says_nothing() -> None:
    assert kind_of("", "The ferry, portrait of a sailor", "", "en", opening=False) == "person"
    assert kind_of("机械之声", "Old clock, close-up of gears", "", "zh", opening=False) == "object"
    assert kind_of("The sound of it", "The river, map of the estuary", "", "en", opening=False) == "diagram"
    assert kind_of("Children fly kites", "map", "", "en", opening=False) == "scene", "the caption comes first"
    assert kind_of("", "", "", "en", opening=False) == "scene"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Notre Dame was finished late. Bells ring there.", "scene"),
        ("The story begins with Ada Lovelace. Ada Lovelace wrote the first program.", "person"),
    ],
)
def test_the_paragraph_tells_names_of_people(text: str, kind: SlotKind) -> None:
    caption = "Notre Dame on a postcard" if kind == "scene" else "Ada Lovelace on a postcard"
    assert kind_of(caption, "", text, "en", opening=False) == kind


@pytest.mark.parametrize("month", ["May", "October"])
def test_a_month_is_no_place(month: str) -> None:
    assert kind_of(f"Roses in {month}", "", "", "en", opening=False) != "place"
    assert kind_of("Roses in Meran", "", "", "en", opening=False) == "place"


def test_words_in_any_shape_have_a_kind() -> None:
    for words in (",", "...", "的", "12", "of of of", "a", "’s", "(", "的的的，"):
        for language in ("en", "zh"):
            assert kind_of(words, words, words, language, opening=False) in ("scene", "object")
