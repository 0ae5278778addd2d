"""Chat templates of strangers: rendered as their makers mean them, refused in words when they are no good."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from composer.errors import ModelNotReady
from models import templates
from models.templates import Messages, folded, judged, render

ROOT = Path(__file__).parents[2]

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] | trim "
    "+ '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
NO_SYSTEM = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('No system role') }}{% endif %}"
    "{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}"
)
DEAF = "{% for m in messages if m.role != 'system' %}<{{ m.role }}>{{ m.content }}{% endfor %}"
SAID: Messages = [{"role": "system", "content": "You write."}, {"role": "user", "content": "Of boats."}]


def test_a_conversation_is_rendered() -> None:
    text = render(CHATML, SAID)
    assert (
        text
        == "<|im_start|>system\nYou write.<|im_end|>\n<|im_start|>user\nOf boats.<|im_end|>\n<|im_start|>assistant\n"
    )
    assert not render(CHATML, SAID, add_generation_prompt=False).endswith("assistant\n")
    assert judged(CHATML)


def test_what_the_conversation_says_is_not_a_template() -> None:
    said: Messages = [{"role": "user", "content": "{{ 7 * 7 }} {% for %} 港口"}]
    assert "{{ 7 * 7 }} {% for %} 港口" in render(CHATML, said)


@pytest.mark.parametrize("template", [NO_SYSTEM, DEAF])
def test_without_a_system_role_its_words_begin_the_first_message(template: str) -> None:
    text = render(template, SAID, special={"bos_token": "<s>"})
    assert "<user>You write.\n\nOf boats." in text
    assert text.startswith("<s>") == (template is NO_SYSTEM)
    assert not judged(template)
    assert folded([SAID[0]]) == [{"role": "user", "content": "You write."}]
    assert folded(SAID[1:]) == SAID[1:]


def test_what_makers_use_is_there() -> None:
    template = (
        "{%- set ns = namespace(count=0) %}{% for m in messages %}{% if loop.index0 > 0 %}{% break %}{% endif %}"
        "{% generation %}{% set ns.count = ns.count + 1 %}{{ m | tojson }}{% endgeneration %}{% endfor %}"
        "{{ ns.count }} {{ strftime_now('%Y') }} {{ enable_thinking }} {{ 'x' * 3 }} {{ tools is none }}"
    )
    text = render(template, [{"role": "user", "content": "港"}], enable_thinking=False)
    told, _, rest = text.partition("}")
    assert json.loads(told + "}") == {"role": "user", "content": "港"}
    assert rest == f"1 {time.strftime('%Y')} False xxx True"


def test_it_gives_what_transformers_gives() -> None:
    """The model makers' reference is transformers' own rendering."""
    from transformers.utils.chat_template_utils import render_jinja_template

    for template in (CHATML, DEAF + "{{ messages | tojson(indent=2) }}"):
        reference, _ = render_jinja_template([SAID], chat_template=template, add_generation_prompt=True)
        given = render(template, SAID)
        assert given == reference[0] or template is not CHATML
        assert ("<user>Of boats." in reference[0]) == ("Of boats." in given and template is not CHATML)


ENDLESS = [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
    "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
]
LARGE = [
    "{{ 'a' * 100000000000 }}",
    "{{ 'a' | center(100000000000) }}",
    "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}",
    "{% set n = namespace(x=7) %}{% for i in range(60) %}{% set n.x = n.x * n.x %}{% endfor %}{{ n.x }}",
    "{% for i in range(99999) %}many words of a template that goes on and on{% endfor %}",
    "{{ range(10 * 1000 * 1000 * 1000) | list }}",
]
UNSAFE = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ '' | attr('__class__') }}",
    "{{ '' | attr('__cla' ~ 'ss__') }}",
    "{% if messages | length > 99 %}{{ ''.__class__ }}{% endif %}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ messages.append(1) }}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ '%1000000000000d' % 1 }}",
    "{{ strftime_now('%1000000000Y') }}",
]
WRONG = [
    "{% if",
    "{{ raise_exception('Conversation roles must alternate') }}",
    "{{ x | nonsense }}",
    "{{ messages[0].a.b }}",
]


def test_the_endless_is_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "SECONDS", 0.5)
    for template in ENDLESS:
        start = time.monotonic()
        with pytest.raises(ModelNotReady, match="does not end") as refused:
            judged(template)
        assert refused.value.hint
        assert time.monotonic() - start < 10
    assert render(CHATML, SAID), "the next question finds another child"


@pytest.mark.parametrize("template", LARGE)
def test_the_boundless_is_refused(template: str) -> None:
    with pytest.raises(ModelNotReady, match=r"more and more|not safe|does not end|cannot be used"):
        judged(template)


@pytest.mark.parametrize("template", UNSAFE)
def test_reaching_for_more_is_refused(template: str) -> None:
    with pytest.raises(ModelNotReady, match="not safe"):
        judged(template)


@pytest.mark.parametrize("template", WRONG)
def test_what_cannot_be_used_is_refused(template: str) -> None:
    with pytest.raises(ModelNotReady, match="cannot be used") as refused:
        judged(template)
    assert "\n" not in refused.value.message


def test_nothing_heavy_comes_along_and_the_child_ends_with_its_parent() -> None:
    script = (
        "import sys\nfrom models import templates\n"
        "templates.judged('{{ messages[0].content }}')\n"
        "heavy = [n for n in ('torch', 'transformers', 'numpy', 'jinja2') if n in sys.modules]\n"
        "print(heavy, templates._CHILD._process.pid)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )
    names, _, pid = done.stdout.strip().rpartition(" ")
    assert names == "[]"
    assert not done.stderr
    import psutil

    assert not psutil.pid_exists(int(pid))


def test_system_words_among_parts_are_folded_too() -> None:
    template = (
        "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "{{ m['role'] }}:{% for part in m['content'] %}{{ part['text'] }};{% endfor %}{% endfor %}"
    )
    said = [
        {"role": "system", "content": [{"type": "text", "text": "Judge."}]},
        {"role": "user", "content": [{"type": "text", "text": "Boats?"}]},
    ]
    assert render(template, said) == "user:Judge.;Boats?;"
