"""The shot list as Markdown, a file of its own beside the article."""

from __future__ import annotations

from composer import shots
from composer.publish.markdown import markdown
from composer.stages.layout import Node
from composer.types import Composition


def shots_markdown(composition: Composition) -> str:
    """What is still to be taken or drawn, place by place; one sentence when nothing is."""
    language = composition.brief.language
    nodes = [Node(kind="title", text=shots.heading_of(composition))]
    for shot in shots.shot_list(composition):
        nodes.append(Node(kind="heading", text=f"{shot.number} · {shot.caption or shot.place}"))
        nodes.append(Node(kind="paragraph", text=shots.place_line(shot, language)))
        nodes.append(Node(kind="paragraph", text=shot.text))
    if len(nodes) == 1:
        nodes.append(Node(kind="paragraph", text=shots.nothing_to_take(language)))
    return markdown(nodes, {})
