"""The filters of the library: one field for each thing that can be asked for, applied as soon as it is set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from composer.collection import Filter, LibraryState
from ui.library_words import WIDTHS, colours, is_day, kinds, orientations, rights_words, stars
from ui.named import name_clear_button
from ui.texts import text

TYPING_MS = 350


class LibraryFilters(QScrollArea):
    """Holds a Filter; `changed` tells of every change the writer makes."""

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._filter = Filter()
        self._filling = False
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._typing = QTimer(self, singleShot=True, interval=TYPING_MS)
        self._typing.timeout.connect(self._take)
        self._make()
        self._lay_out()

    @property
    def chosen(self) -> Filter:
        return self._filter

    @chosen.setter
    def chosen(self, wanted: Filter) -> None:
        """Show a filter that was set elsewhere."""
        self._filter = wanted
        self._filling = True
        self._choose(self.orientation, wanted.orientation)
        self._choose(self.kind, wanted.kind)
        self._choose(self.people, wanted.people)
        self._choose(self.colour, wanted.colour or None)
        self._choose(self.rating, wanted.rating or None)
        self._choose(self.width_, wanted.width or None)
        self._choose(self.folder, wanted.folders[0] if wanted.folders else None)
        self._choose(self.tag, wanted.tags[0] if wanted.tags else None)
        for field, words in (
            (self.taken_from, wanted.taken_from), (self.taken_to, wanted.taken_to), (self.place, wanted.place),
            (self.person, wanted.person), (self.licence, wanted.licence),
        ):  # fmt: skip
            if field.text().strip() != words:
                field.setText(words)
        for right, box in self.rights.items():
            box.setChecked(right in wanted.rights)
        for name, box in self.flags.items():
            box.setChecked(bool(getattr(wanted, name)))
        self._filling = False
        self._tell_problem()

    def show_state(self, state: LibraryState) -> None:
        """Folders and tags to choose from."""
        self._filling = True
        self._fill(self.folder, {folder.path: Path(folder.path).name or folder.path for folder in state.folders})
        self._fill(self.tag, {tag: tag for tag in state.tags})
        self._choose(self.folder, self._filter.folders[0] if self._filter.folders else None)
        self._choose(self.tag, self._filter.tags[0] if self._filter.tags else None)
        self._filling = False

    # --- reading the fields ---

    def _take(self) -> None:
        if self._filling:
            return
        self._typing.stop()
        if not self._tell_problem():
            return
        folder, tag = self.folder.currentData(), self.tag.currentData()
        chosen = replace(
            self._filter,
            orientation=self.orientation.currentData(),
            kind=self.kind.currentData(),
            people=self.people.currentData(),
            colour=self.colour.currentData() or "",
            rating=self.rating.currentData() or 0,
            width=self.width_.currentData() or 0,
            folders=(folder,) if folder else (),
            tags=(tag,) if tag else (),
            taken_from=self.taken_from.text().strip(),
            taken_to=self.taken_to.text().strip(),
            place=self.place.text().strip(),
            person=self.person.text().strip(),
            licence=self.licence.text().strip(),
            rights=tuple(right for right, box in self.rights.items() if box.isChecked()),
            **{name: box.isChecked() for name, box in self.flags.items()},
        )
        if chosen != self._filter:
            self._filter = chosen
            self.changed.emit(chosen)

    def _tell_problem(self) -> bool:
        """Whether the dates can be looked for; says so if not."""
        right = is_day(self.taken_from.text().strip()) and is_day(self.taken_to.text().strip())
        self.problem.setVisible(not right)
        return right

    # --- making ---

    def _make(self) -> None:
        anything = text("Any")
        self.orientation = self._combo(text("Shape"), {None: anything, **orientations()})
        self.kind = self._combo(text("Kind"), {None: anything, **kinds()})
        self.people = self._combo(
            text("People"),
            {None: anything, True: text("People are named or seen"), False: text("Nobody is named or seen")},
        )
        self.people.setToolTip(text("Named in the picture's words; faces only where the settings have them looked for"))
        self.colour = self._combo(text("Colour"), {None: anything, **colours()})
        self.rating = self._combo(text("Stars"), {None: anything, **{count: stars(count) for count in range(1, 6)}})
        self.width_ = self._combo(
            text("Width"),
            {None: anything, **{width: text("{pixels} pixels or more", pixels=width) for width in WIDTHS}},
        )
        self.folder = self._combo(text("Folder"), {None: anything})
        self.tag = self._combo(text("Tag"), {None: anything})
        self.taken_from = self._line(text("Taken from"), "2019-05")
        self.taken_to = self._line(text("Taken until"), "2024")
        self.place = self._line(text("Place"), "")
        self.person = self._line(text("Person"), "")
        self.licence = self._line(text("Licence"), "CC BY")
        self.rights = {right: self._box(words) for right, words in rights_words().items()}
        self.flags = {
            "unused": self._box(text("Only those not used yet")),
            "screens": self._box(text("Leave out weak ones")),
            "copies": self._box(text("Show near-duplicates")),
            "hidden": self._box(text("Show what is hidden")),
        }
        self.flags["screens"].setToolTip(
            text("Blurred, watermarked all over, mostly text, or unsafe where the settings have that looked for")
        )
        self.problem = QLabel(text("Write a date as 2019, 2019-05 or 2019-05-04."), wordWrap=True)
        self.problem.setProperty("rank", "problem")
        self.problem.hide()

    def _lay_out(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(14, 12, 12, 16)
        column.setSpacing(3)
        for field in (self.folder, self.orientation, self.kind, self.people, self.person, self.place):
            self._add(column, field)
        self._add(column, self.taken_from)
        self._add(column, self.taken_to)
        column.addWidget(self.problem)
        column.addWidget(QLabel(text("Rights")))
        for box in self.rights.values():
            column.addWidget(box)
        column.addSpacing(7)
        for field in (self.licence, self.rating, self.tag, self.colour, self.width_):
            self._add(column, field)
        for box in self.flags.values():
            column.addWidget(box)
        column.addStretch(1)
        self.setWidget(inside)

    def _add(self, column: QVBoxLayout, field: QWidget) -> None:
        label = QLabel(field.accessibleName())
        label.setBuddy(field)
        column.addWidget(label)
        column.addWidget(field)
        column.addSpacing(7)

    def _combo(self, name: str, choices: Mapping[object, str]) -> QComboBox:
        combo = QComboBox()
        combo.setAccessibleName(name)
        # A long name must not make the panel wider.
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setMinimumContentsLength(8)
        for value, words in choices.items():
            combo.addItem(words, value)
        combo.currentIndexChanged.connect(self._take)
        return combo

    def _line(self, name: str, example: str) -> QLineEdit:
        line = QLineEdit(placeholderText=example)
        line.setAccessibleName(name)
        name_clear_button(line)
        line.textEdited.connect(self._typing.start)
        line.editingFinished.connect(self._take)
        return line

    def _box(self, words: str) -> QCheckBox:
        box = QCheckBox(words)
        box.toggled.connect(self._take)
        return box

    def _fill(self, combo: QComboBox, choices: Mapping[object, str]) -> None:
        if [combo.itemData(at) for at in range(1, combo.count())] == list(choices):
            return
        while combo.count() > 1:
            combo.removeItem(1)
        for value, words in choices.items():
            combo.addItem(words, value)
            combo.setItemData(combo.count() - 1, str(value), Qt.ItemDataRole.ToolTipRole)

    def _choose(self, combo: QComboBox, value: object) -> None:
        at = next((at for at in range(combo.count()) if combo.itemData(at) == value), -1)
        if at < 0:  # one that is not offered, such as a tag that is not frequent
            combo.addItem(str(value), value)
            at = combo.count() - 1
        combo.setCurrentIndex(at)
