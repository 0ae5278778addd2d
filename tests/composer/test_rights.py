from __future__ import annotations

import pytest

from composer.collection import Credential, Used
from composer.rights import author_of, credit_line, licence_name, licences, rights_of, warning
from composer.types import Picture

BY = "https://creativecommons.org/licenses/by/4.0/"


def picture(**told: str) -> Picture:
    return Picture(id="1", path="/p/x.jpg", width=9, height=9, **told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (BY, "CC BY 4.0"),
        ("http://creativecommons.org/licenses/by-sa/3.0/de/legalcode", "CC BY-SA 3.0 DE"),
        ("https://creativecommons.org/licenses/by-sa/4.0/deed.zh-hans", "CC BY-SA 4.0"),
        ("https://creativecommons.org/licenses/by-nd-nc/1.0/", "CC BY-NC-ND 1.0"),
        ("http://creativecommons.org/publicdomain/zero/1.0/", "CC0 1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "Public Domain Mark 1.0"),
        ("CC-BY-SA-3.0-IGO", "CC BY-SA 3.0 IGO"),
        ("CC-BY-4.0", "CC BY 4.0"),
        ("cc0-1.0", "CC0 1.0"),
        ("CC-PDM-1.0", "Public Domain Mark 1.0"),
        ("CC_BY_NC_2.5", "CC BY-NC 2.5"),
        ("ccbysa", "ccbysa"),
        ("Creative Commons Attribution-ShareAlike 4.0 International", "CC BY-SA 4.0"),
        ("Creative Commons Attribution-NonCommercial-NoDerivs 2.0 Generic", "CC BY-NC-ND 2.0"),
        ("知识共享 署名-相同方式共享 4.0 国际", "CC BY-SA 4.0"),
        ("知识共享署名-非商业性使用-禁止演绎 4.0", "CC BY-NC-ND 4.0"),
        ("創用CC 姓名標示-非商業性-禁止改作 3.0 台灣", "CC BY-NC-ND 3.0"),
        ("署名-非商业性使用 4.0 国际", "CC BY-NC 4.0"),
        ("Public Domain", "Public domain"),
        ("公有领域", "Public domain"),
        ("PD-old-70", "PD-old-70"),
        ("CC0/PD/BSD (see the docs)", "CC0/PD/BSD (see the docs)"),
        ("CC BY 4.0, ask before printing", "CC BY 4.0, ask before printing"),
        ("Creative Commons Attribution 4.0 International License", "CC BY 4.0"),
        ("CC-BY-SA 4.0", "CC BY-SA 4.0"),
        ("Ask me first", "Ask me first"),
        ("not in the public domain", "not in the public domain"),
        ("Attribution of blame", "Attribution of blame"),
    ],
)
def test_licences_are_named(text: str, name: str) -> None:
    assert licence_name(text) == name
    assert licence_name(text, known=True) == (licences(text)[0].name if licences(text) else "")


@pytest.mark.parametrize(
    "name", ["CC BY 4.0", "CC BY-NC-ND 2.0", "CC BY-SA 3.0 DE", "CC0 1.0", "Public Domain Mark 1.0", "Public domain"]
)
def test_a_name_says_what_its_address_says(name: str) -> None:
    [licence] = licences(name)
    assert licence.name == name
    if licence.address:
        assert licences(licence.address) == (licence,)


@pytest.mark.parametrize(
    ("licence", "terms", "copyright", "rights"),
    [
        ("", "", "", "unknown"),
        ("unknown", "", "", "unknown"),
        ("", "", "© 2020 Jörg Müller", "unknown"),
        ("", "", "© 2020 Jörg. All rights reserved.", "licensed"),
        ("", "", "© 新华社 版权所有", "licensed"),
        ("", "", "© Ann, CC BY 4.0", "free"),
        ("CC BY 4.0", "", "© Ann. All rights reserved", "free"),
        ("CC BY-SA 4.0", "", "", "free"),
        ("CC BY 4.0", "Editorial use only", "", "licensed"),
        ("CC BY 4.0", "不得用于商业用途", "", "licensed"),
        ("CC BY-NC 4.0", "", "", "licensed"),
        ("CC BY-ND 4.0", "", "", "licensed"),
        ("CC BY-SA 3.0, CC BY-NC 2.0", "", "", "licensed"),
        ("CC0", "", "", "free"),
        ("", "This file is in the public domain", "", "free"),
        ("", "This work is not in the public domain", "", "licensed"),
        ("", "本作品属于公有领域", "", "free"),
        ("", "本作品不属于公有领域", "", "licensed"),
        ("", "", "非公有领域", "unknown"),
        ("Royalty-free, Getty Images", "", "", "licensed"),
        ("GFDL-1.3-or-later", "", "", "licensed"),
        ("", "未经许可不得转载", "", "licensed"),
        ("署名-相同方式共享 4.0 国际", "", "", "free"),
    ],
)
def test_rights_are_told_by_words(licence: str, terms: str, copyright: str, rights: str) -> None:  # noqa: A002
    assert rights_of(licence, terms, copyright) == rights


@pytest.mark.parametrize(
    ("told", "author"),
    [
        ({"credit": "Photo: Jane / CC BY 4.0", "licence": "CC BY 4.0"}, "Jane"),
        ({"credit": "Jane Doe/Reuters", "creator": "Jane Doe"}, "Jane Doe/Reuters"),
        ({"credit": "摄影：王伟"}, "王伟"),
        ({"credit": "Photo by Photographer"}, "Photographer"),
        ({"creator": "Ann"}, "Ann"),
        ({"copyright": "© 2019-2020 Ann"}, "Ann"),
        ({"copyright": "Copyright (c) Ann"}, "(c) Ann"),
        ({}, ""),
    ],
)
def test_who_is_to_be_named(told: dict[str, str], author: str) -> None:
    assert author_of(picture(**told)) == author


def test_title_author_source_and_licence_are_named() -> None:
    full = picture(title="Old mill", creator="Ann", source="https://x.org/1", licence="CC BY 4.0")
    assert credit_line(full) == f"“Old mill” by Ann (https://x.org/1), CC BY 4.0 ({BY})"
    assert credit_line(full, "zh") == f"《Old mill》，作者：Ann，来源：https://x.org/1，许可：CC BY 4.0 ({BY})"
    assert credit_line(picture(credit="Ann / Agency")) == "Ann / Agency"
    assert credit_line(picture(licence="Public domain")) == "Public domain"
    assert credit_line(picture(title="Old mill")) == ""
    assert credit_line(picture(source="https://x.org/1", licence="Ask")) == "https://x.org/1, Ask"


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ({}, "Nothing tells"),
        ({"copyright": "© Ann"}, "(Ann)"),
        ({"copyright": "© Ann, all rights reserved"}, "reserved"),
        ({"licence": "CC BY-NC 4.0"}, "commercial"),
        ({"licence": "CC BY-ND 4.0"}, "whole"),
        ({"licence": "CC BY-NC-ND 4.0"}, "and changes"),
        ({"licence": "CC BY-SA 4.0", "creator": "Ann"}, "same licence"),
        ({"licence": "CC BY 4.0", "creator": "Ann"}, "must be named"),
        ({"licence": "CC BY 4.0"}, "tells none"),
        ({"terms": "One-time print use"}, "One-time print use"),
        ({"terms": "x " * 200}, "…"),
        ({"terms": "Braces {who} {"}, "Braces {who} {"),
    ],
)
def test_what_to_mind_is_one_sentence(told: dict[str, str], word: str) -> None:
    shown = picture(**told)
    rights = rights_of(shown.licence, shown.terms, shown.copyright)
    assert word in warning(shown, rights)
    assert warning(shown, rights, language="zh")


def test_what_a_machine_made_or_changed_is_told() -> None:
    free = picture(licence="CC0")
    assert warning(free, "free") == ""
    assert "machine" in warning(free, "free", credential=Credential(valid=True, generated=True))
    assert "changed" in warning(free, "free", credential=Credential(valid=False))
    assert warning(free, "free", credential=Credential(valid=True)) == ""
    assert "“Mills”" in warning(free, "free", (Used("a.pictorial", "Mills", "2024-05-01"),))
