"""What may be done with a picture, as far as its own words tell, and how it has to be named beside it.

Pure functions of text. Nothing here is legal advice: a licence that a picture names wrongly is named wrongly here too.
Sources: Creative Commons, "Recommended practices for attribution" (title, author, source, licence); the addresses and
names of its licences; SPDX licence list 3.27; IPTC Photo Metadata Standard 2023.1 (Credit Line, Rights Usage Terms).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from composer.collection import Credential, Rights, Used
from composer.types import Language, Picture

_CC = "https://creativecommons.org"
_ADDRESS = re.compile(
    r"creativecommons\.(?:org|net\.cn)/(?:licen[sc]es|publicdomain)/(?P<parts>[a-z+-]+)"
    r"(?:/(?P<version>\d(?:\.\d)?))?(?:/(?P<port>[a-z]{2,3}(?=[/\s,;)]|$)))?"
)
_NAME = re.compile(
    r"(?<![a-z])(?:cc|creative commons|creativecommons)[\s_:-]*"
    r"(?P<parts>(?:by|sa|nc|nd)(?:[\s_/,-]+(?:by|sa|nc|nd))*)(?![a-z])"
    r"(?:[\s_-]*v?(?P<version>\d\.\d)(?:[\s_-]+(?P<port>[a-z]{2,3}(?![a-z])))?)?"
)
_LONG = re.compile(
    r"(?<!non-)\b(?P<parts>attribution(?:[\s_,–-]+(?:share[\s-]?alike|non[\s-]?commercial|no[\s-]?deriv(?:ative)?s?"
    r"(?:[\s-]works)?))*)(?:[\s_-]*(?:v|version)?\s*(?P<version>\d\.\d))?"
)
_CHINESE = re.compile(
    r"(?P<parts>(?:署名|姓名标示|姓名標示)"
    r"(?:[\s、,，·—–-]*(?:非商[业業]性?(?:使用)?|禁止演绎|禁止演繹|禁止改作|相同方式共享|相同方式分享))*)"
    r"(?:\s*(?P<version>\d\.\d))?"
)
_PARTS = (
    ("by", r"(?<![a-z])by|attribution|署名|姓名标示|姓名標示"),
    ("nc", r"(?<![a-z])nc|non[\s-]?commercial|非商"),
    ("nd", r"(?<![a-z])nd|no[\s-]?deriv|禁止"),
    ("sa", r"(?<![a-z])sa|share[\s-]?alike|相同方式"),
)
"""Parts of a Creative Commons licence in the order that its name has them."""
_ZERO = re.compile(r"publicdomain/zero|(?<![a-z])cc[\s_-]?(?:0|zero)(?![a-z])|creative commons zero")
_MARK = re.compile(r"publicdomain/mark|public domain mark|(?<![a-z])(?:cc[\s_-]?)?pdm(?![a-z])")
_DOMAIN = re.compile(
    r"(?<!not in the )(?<!not in )(?<!not )(?<!non-)(?<!non )(?:public[\s-]?domain)(?!\w)|(?<![a-z])cc-pddc(?![a-z])"
    r"|\A(?:pd|unlicense)(?:[-\s].*)?\Z|u\.?s\.? government work|(?<![非不])(?<!不属于)(?<!不屬於)公(?:有|共)[领領]域"
)
_NONCOMMERCIAL = re.compile(
    r"non[\s-]?commercial|no commercial|not for commercial|personal use only|editorial (?:use )?only"
    r"|禁止商|不得.{0,4}商[业業用]|非商[业業用]|仅供个人|僅供個人|仅限编辑|僅限編輯"
)
_UNCHANGED = re.compile(
    r"no[\s-]?deriv|no alterations?|no modifications?|do not (?:alter|crop|modify)"
    r"|(?:不得|禁止)(?:修改|改作|演[绎繹]|裁[剪切])"
)
_RESERVED = re.compile(
    r"all rights (?:are )?reserved|rights[\s-]managed|tous droits r[ée]serv[ée]s|alle rechte vorbehalten"
    r"|版[权權]所有|保留(?:所有|一切|全部)[权權]|未[经經].{0,6}(?:许可|許可|授[权權]|同意)|不得[转轉][载載]|禁止[转轉][载載]"
)
_AGENCY = re.compile(
    r"royalty[\s-]free|getty images|shutterstock|istock|adobe stock|alamy|reuters|associated press|afp\b|editorial"
    r"|视觉中国|視覺中國|东方ic|图虫|全景网|新华社|商业授权|付费"
)
_NOTHING = frozenset(
    {"", "unknown", "none", "n/a", "na", "-", "?", "unspecified", "not specified", "未知", "无", "不详"}
)


class Licence(NamedTuple):
    """A Creative Commons licence or a dedication to the public domain."""

    parts: tuple[str, ...]
    """Of "by", "nc", "nd", "sa"; none for the public domain."""
    version: str = ""
    port: str = ""
    """Country or language of a ported licence, lower case."""
    dedication: str = ""
    """CC0, Public Domain Mark or Public domain, where it is no licence."""

    @property
    def name(self) -> str:
        """As Creative Commons writes it: CC BY-SA 3.0 DE."""
        kind = self.dedication or f"CC {'-'.join(self.parts).upper()}"
        return " ".join(filter(None, (kind, self.version, self.port.upper())))

    @property
    def address(self) -> str:
        """Of its deed; empty where there is none, or where the version that it depends on is not told."""
        if self.dedication == "Public domain" or not (self.dedication or self.version):
            return ""
        if self.dedication:
            places = ["publicdomain", "zero" if self.dedication == "CC0" else "mark", "1.0"]
        else:
            places = ["licenses", "-".join(self.parts), self.version, self.port]
        return "/".join(filter(None, (_CC, *places))) + "/"

    @property
    def free(self) -> bool:
        """Whether a magazine may print it, cut to fit."""
        return bool(self.dedication) or not {"nc", "nd"} & set(self.parts)


def licences(text: str) -> tuple[Licence, ...]:
    """Every Creative Commons licence and dedication that a text names, in English, Chinese, as SPDX id or address."""
    lower = text.lower()
    found: dict[Licence, None] = {}
    for pattern in (_ADDRESS, _NAME) if "publicdomain/" not in lower else (_NAME,):
        for match in pattern.finditer(lower):
            found.update(_creative(match))
    if not found and re.search(r"creative commons|(?<![a-z])cc(?![a-z])|知[识識]共享|创用|創用", lower):
        for match in (*_LONG.finditer(lower), *_CHINESE.finditer(lower)):
            found.update(_creative(match))
    if not found and re.fullmatch(_CHINESE.pattern + r"\s*(?:国际|國際)?.{0,6}", lower):
        found.update(_creative(next(_CHINESE.finditer(lower))))
    for pattern, name in ((_ZERO, "CC0"), (_MARK, "Public Domain Mark"), (_DOMAIN, "Public domain")):
        if pattern.search(lower) and not any(each.dedication for each in found):
            version = (
                re.search(r"(?:zero|mark|cc[\s_-]?0|pdm)[/\s-]?(1\.0)", lower) if name != "Public domain" else None
            )
            found[Licence((), version[1] if version else "", dedication=name)] = None
    return tuple(found)


def _creative(match: re.Match[str]) -> dict[Licence, None]:
    parts = tuple(part for part, pattern in _PARTS if re.search(pattern, match["parts"]))
    port = match.groupdict().get("port") or ""
    return {Licence(parts, match["version"] or "", "" if port in {"en", "zh", "int"} else port): None} if parts else {}


def licence_name(text: str, *, known: bool = False) -> str:
    """The short name of a licence that a text tells by its name, id or address; other text as it is.

    With `known` the text may be any: the first licence named in it, or "".
    """
    found = licences(text)
    if known:
        return found[0].name if found else ""
    return found[0].name if len(found) == 1 and ("://" in text or _is_name(text, found[0])) else text


def _is_name(text: str, licence: Licence) -> bool:
    """Whether the text says nothing but the licence, which a shorter name would lose."""
    rest = re.findall(r"[^\W\d_]+", _NAME_WORDS.sub(" ", text.lower()))
    told = "".join(word for word in rest if word not in {licence.port, "v", "s", "en"})
    return not re.search(r"[a-z]", told) and len(told) <= _LONGEST_NAME


_NAME_WORDS = re.compile(
    r"creative|commons|(?<![a-z])(?:cc|by|sa|nc|nd|igo|pd|pdm|pddc|the)(?![a-z])|zero|attribution|share|alike|non|commercial"
    r"|no(?=[\s-]?deriv)|deriv[a-z]*|works|international|unported|generic|public|domain|mark|licen[cs]ed?|version|(?<![a-z])cc0"
)
_LONGEST_NAME = 24
"""Chinese characters of the longest name with what usually goes with it."""


def rights_of(licence: str, terms: str, copyright: str) -> Rights:  # noqa: A002 - the field's name
    """What the words allow: free, licensed or unknown. Where they say two things, the stricter one counts.

    A notice of copyright alone tells an owner, not terms: unknown. "All rights reserved" in the notice does not take
    back a licence that is named beside it; in the terms it does.
    """
    told = f"{licence}\n{terms}"
    found = licences(licence) + licences(terms)
    if found:
        restricted = any(pattern.search(told.lower()) for pattern in (_NONCOMMERCIAL, _RESERVED, _AGENCY, _UNCHANGED))
        return "free" if all(each.free for each in found) and not restricted else "licensed"
    if any(text.strip().lower() not in _NOTHING for text in (licence, terms)):
        return "licensed"
    if _RESERVED.search(copyright.lower()) or _AGENCY.search(copyright.lower()):
        return "licensed"
    found = licences(copyright)
    return "unknown" if not found else "free" if all(each.free for each in found) else "licensed"


# --- the line below a picture --------------------------------------------------------------------------------------

_LABEL = re.compile(
    r"\A(?:photo(?:graph)?(?: credit)?|image|picture|credit|illustration|foto|图片?|圖片?|摄影|攝影|照片)"
    r"(?:\s+by\b)?\s*[:：/]\s*|\A(?:photo|image|picture)(?:graph)? by\s+"
    r"|\A(?:©|\(c\)|copyright)[\s©]*(?:\d{4}[\s,-]*)*",
    re.IGNORECASE,
)


def author_of(picture: Picture) -> str:
    """Who is to be named: the credit line that the supplier asks for, else the creator, else the owner."""
    credit = picture.credit
    if picture.licence and credit.endswith(f" / {picture.licence}"):
        credit = credit.removesuffix(f" / {picture.licence}")
    bare = _LABEL.sub("", credit).strip()
    return bare or picture.creator or _LABEL.sub("", picture.copyright).strip()


def credit_line(picture: Picture, language: Language = "en") -> str:
    """Title, author, source and licence, as far as the picture tells them; "" when it tells none of the last three."""
    found = licences(picture.licence) or licences(picture.terms)
    licence = picture.licence or " / ".join(each.name for each in found)
    address = next((each.address for each in found if each.address), "")
    author, title = author_of(picture), picture.title
    if not (author or picture.source or licence):
        return ""
    if language == "zh":
        named = "，".join(filter(None, (f"《{title}》" if title else "", f"作者：{author}" if author else "")))
        rest = [
            f"来源：{picture.source}" if picture.source else "",
            f"许可：{_with(licence, address)}" if licence else "",
        ]
        return "，".join(filter(None, (named, *rest)))
    by = f"by {author}" if title and author else author
    named = " ".join(filter(None, (f"“{title}”" if title else "", by)))
    named = _with(named, picture.source) if named else picture.source
    return ", ".join(filter(None, (named, _with(licence, address) if licence else "")))


def _with(text: str, address: str) -> str:
    return f"{text} ({address})" if address and address not in text else text


# --- what to mind before printing ----------------------------------------------------------------------------------

_MIND: dict[str, dict[Language, str]] = {
    "unknown": {
        "en": "Nothing tells who allows printing it: ask its owner first.",
        "zh": "没有说明谁允许刊登：请先询问权利人。",
    },
    "copyright": {
        "en": "It names an owner ({who}) but no licence: ask before printing it.",
        "zh": "写明了权利人（{who}），但没有许可：刊登前请先征得同意。",
    },
    "ncnd": {
        "en": "Its licence forbids commercial use and changes, also cutting it to fit.",
        "zh": "其许可禁止商业使用，也禁止修改，包括裁剪。",
    },
    "nc": {
        "en": "Its licence forbids commercial use: a magazine that is sold or carries advertisements needs leave.",
        "zh": "其许可禁止商业使用：出售或带广告的刊物需要另行获得许可。",
    },
    "nd": {
        "en": "Its licence forbids changes, also cutting it to fit: print it whole.",
        "zh": "其许可禁止修改，包括裁剪：请整幅刊登。",
    },
    "sa": {
        "en": "If it is changed, the new picture must carry the same licence; name author and licence.",
        "zh": "若加以修改，新图片须采用相同的许可；请注明作者和许可。",
    },
    "by": {"en": "Author and licence must be named.", "zh": "必须注明作者和许可。"},
    "nobody": {
        "en": "Its licence asks for the author's name, but the picture tells none.",
        "zh": "其许可要求注明作者，但图片没有写明作者。",
    },
    "reserved": {
        "en": "All rights are reserved: it may be printed only with its owner's leave.",
        "zh": "保留所有权利：须经权利人许可方可刊登。",
    },
    "terms": {"en": "Read its terms before printing it: {terms}", "zh": "刊登前请阅读其使用条款：{terms}"},
    "made": {
        "en": "Its content credentials say that a machine made it: tell readers so.",
        "zh": "其内容凭证写明由机器生成：请告知读者。",
    },
    "broken": {
        "en": "It was changed after its content credentials were signed.",
        "zh": "它在内容凭证签署之后被改动过。",
    },
    "used": {"en": "It was already used in {title}.", "zh": "它已用于{title}。"},
}
_LONGEST_TERMS = 160


def warning(
    picture: Picture,
    rights: Rights,
    uses: Sequence[Used] = (),
    credential: Credential | None = None,
    language: Language = "en",
) -> str:
    """The one thing to mind most before printing the picture, as a sentence; "" when there is nothing to mind."""
    kind = _mind(picture, rights, uses, credential)
    if not kind:
        return ""
    title = (uses[0].title or uses[0].article) if uses else ""
    quoted = f"《{title}》" if language == "zh" else f"“{title}”"
    terms = " ".join((picture.terms or picture.licence).split())
    terms = terms if len(terms) <= _LONGEST_TERMS else terms[: _LONGEST_TERMS - 1].rstrip() + "…"
    return _MIND[kind][language].format(who=author_of(picture), terms=terms, title=quoted)


def _mind(picture: Picture, rights: Rights, uses: Sequence[Used], credential: Credential | None) -> str:
    """The worst first: what forbids printing, then what would mislead readers, then what has to be done."""
    if rights != "free":
        return _forbids(picture, rights)
    if credential is not None and (credential.generated or not credential.valid):
        return "made" if credential.generated else "broken"
    parts = {part for each in _named(picture) for part in each.parts}
    if parts and not author_of(picture):
        return "nobody"
    if parts:
        return "sa" if "sa" in parts else "by"
    return "used" if uses else ""


def _forbids(picture: Picture, rights: Rights) -> str:
    if rights == "unknown":
        return "copyright" if picture.copyright and author_of(picture) else "unknown"
    told = f"{picture.licence}\n{picture.terms}".lower()
    parts = {part for each in _named(picture) for part in each.parts}
    commercial = "nc" in parts or _NONCOMMERCIAL.search(told) is not None
    unchanged = "nd" in parts or _UNCHANGED.search(told) is not None
    if commercial or unchanged:
        return "ncnd" if commercial and unchanged else "nc" if commercial else "nd"
    if _RESERVED.search(told) or not told.strip():
        return "reserved"
    return "terms"


def _named(picture: Picture) -> tuple[Licence, ...]:
    return licences(picture.licence) + licences(picture.terms) or licences(picture.copyright)
