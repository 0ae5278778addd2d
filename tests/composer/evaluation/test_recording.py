"""Acts are kept on the disk within bounds, only when the settings let them, and read back as examples."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from msgspec.structs import replace

from composer import settings
from composer.acts import Act, Considered, between, standing
from composer.errors import ComposerError
from composer.evaluation import recording
from composer.settings import Settings
from composer.types import Brief
from tests.composer.test_acts import article, chosen, slots_of


def swapped(to: str = "keep") -> tuple[Act, ...]:
    return between(article(), chosen(article(), "s1", to))


def test_what_is_recorded_reads_back() -> None:
    assert recording.record(swapped()) == 1
    assert recording.record(standing(article())) == 2
    assert tuple(recording.acts(recording.folder())) == (*swapped(), *standing(article()))


def test_nothing_is_recorded_when_it_is_turned_off() -> None:
    settings.save(Settings(record_choices=False))
    assert recording.record(swapped()) == 0
    assert not recording.folder().exists()


def test_nothing_to_record_makes_no_file() -> None:
    assert recording.record(()) == 0
    assert not recording.folder().exists()


@pytest.mark.skipif(os.name == "nt", reason="permissions are not those of POSIX")
def test_only_its_owner_can_read_it() -> None:
    recording.record(swapped())
    assert stat.S_IMODE((recording.folder() / recording.FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(recording.folder().stat().st_mode) == 0o700


def test_it_stays_within_its_bounds_and_keeps_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST_BYTES", 5_000)
    for at in range(40):
        recording.record(swapped(f"p{at}"))
    kept = [act.now for act in recording.acts(recording.folder())]
    sizes = [path.stat().st_size for path in recording.folder().iterdir()]
    assert sum(sizes) <= 2 * 5_000
    assert len(sizes) == 2
    assert kept == [f"p{at}" for at in range(40 - len(kept), 40)]
    assert 4 <= len(kept) < 40


def test_lines_that_were_cut_short_spoil_no_other() -> None:
    recording.record(swapped("one"))
    path = recording.folder() / recording.FILE
    path.write_bytes(path.read_bytes() + b'{"at": 3, "act": {"deed": "swa')
    recording.record(swapped("two"))
    path.write_bytes(path.read_bytes() + b"\xff\xfe nonsense\n[" + b"[" * 50_000 + b"\n")
    recording.record(swapped("three"))
    assert [act.now for act in recording.acts(recording.folder())] == ["one", "two", "three"]


def test_forgetting_leaves_nothing() -> None:
    recording.record(swapped())
    size = (recording.folder() / recording.FILE).stat().st_size
    assert recording.forget() == size
    assert not recording.folder().exists()
    assert recording.forget() == 0
    assert recording.as_gold(recording.folder()) == ()


def test_a_disk_that_refuses_is_told() -> None:
    recording.folder().parent.mkdir(parents=True, exist_ok=True)
    recording.folder().write_text("a file where the folder should be")
    with pytest.raises(ComposerError, match="could not be kept"):
        recording.record(swapped())


def test_the_last_word_on_a_place_is_the_example() -> None:
    before = article()
    keep, gate = chosen(before, "s1", "keep"), chosen(before, "s1", "gate")
    recording.record(between(before, gate))
    recording.record(between(gate, keep))
    recording.record(standing(keep))
    first, second = recording.as_gold(recording.folder())
    assert (first.chosen, first.rejected, first.by) == ("keep", ("mill", "gate"), "writer")
    assert (first.caption, first.query, first.heading, first.before, first.place) == (
        "A mill", "mill", "Mills", "First.", 0,
    )  # fmt: skip
    assert [each.id for each in first.candidates] == ["mill", "keep"]
    assert (second.chosen, second.rejected, second.by) == (None, (), "program")


def test_two_articles_do_not_mix() -> None:
    other = replace(article(), brief=Brief(topic="Keeps"))
    recording.record(standing(article()))
    recording.record(between(other, chosen(other, "s1", "keep")))
    assert [example.chosen for example in recording.as_gold(recording.folder())] == ["mill", None, "keep"]


def test_a_place_of_the_writers_own_that_was_given_up_is_no_example() -> None:
    before = article()
    slots = slots_of(before)
    own = replace(before, slots=(replace(slots[0], origin="writer"), slots[1]))
    recording.record(between(own, replace(own, slots=slots[1:])))
    assert recording.as_gold(recording.folder()) == ()


def test_a_folder_that_is_not_there_holds_no_examples(tmp_path: Path) -> None:
    assert recording.as_gold(tmp_path / "none") == ()


def test_decisions_become_examples_for_the_models_that_measured_them() -> None:
    before = replace(article(), models={"encoder": "eye", "reranker": "judge"})
    recording.record(standing(chosen(before, "s1", "keep")))
    recording.record(standing(replace(before, brief=Brief(topic="Keeps"), models={"encoder": "other"})))
    decided = recording.as_gold(recording.folder())
    assert len(decided) == 4
    first, second = recording.as_examples(decided, "eye", "judge")
    assert (first.group, first.right, second.right) == (decided[0].article, "keep", None)
    assert [each.picture.id for each in first.candidates] == [each.id for each in decided[0].candidates]
    assert [each.signals for each in first.candidates] == [each.signals for each in decided[0].candidates]
    assert recording.as_examples(decided, "nobody", "judge") == ()


def test_what_another_reranker_said_is_left_out() -> None:
    recording.record(standing(replace(article(), models={"encoder": "eye", "reranker": "judge"})))
    measured = Considered(id="mill", signals={"vector": 0.1, "rerank": 2.0})
    decided = [replace(recording.as_gold(recording.folder())[0], candidates=(measured,))]
    (same,) = recording.as_examples(decided, "eye", "judge")
    assert same.candidates[0].signals == measured.signals
    for reranker in ("another", ""):
        (other,) = recording.as_examples(decided, "eye", reranker)
        assert other.candidates[0].signals == {"vector": 0.1}
