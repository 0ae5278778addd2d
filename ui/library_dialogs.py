"""Questions of the library: new words for a picture, tags for many, and which files of a folder count."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace
from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtWidgets import (
    QCompleter,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from composer.collection import Details, Edit, LibraryFolder
from ui.texts import text


class EditDialog(QDialog):
    """The words of one picture; only what was changed is handed on."""

    given = Signal(object)
    """A composer.collection.Edit."""

    def __init__(self, details: Details, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(text("Edit words"))
        self.setMinimumWidth(520)
        picture = details.picture
        self._before = {
            "caption": picture.caption, "title": picture.title, "keywords": "; ".join(details.keywords),
            "people": picture.people, "place": picture.place, "creator": picture.creator, "credit": picture.credit,
            "copyright": picture.copyright, "licence": picture.licence,
        }  # fmt: skip
        names = {
            "caption": text("Caption"), "title": text("Title"), "keywords": text("Keywords"),
            "people": text("People"), "place": text("Place"), "creator": text("Creator"),
            "credit": text("Credit line"), "copyright": text("Copyright"), "licence": text("Licence"),
        }  # fmt: skip
        self.fields = {name: _field(name, words) for name, words in self._before.items()}
        form = QFormLayout()
        form.setSpacing(10)
        for name, field in self.fields.items():
            field.setAccessibleName(names[name])
            form.addRow(names[name], field)
        hint = QLabel(text("Separate keywords and people with semicolons."), wordWrap=True)
        hint.setProperty("rank", "quiet")
        note = QLabel(
            text("The picture file stays as it is. What you write is kept in {path}.", path=details.sidecar or "XMP"),
            wordWrap=True,
        )
        note.setTextFormat(Qt.TextFormat.PlainText)
        layout = _column(self)
        layout.addLayout(form)
        for widget in (hint, note, _buttons(self, text("Keep"), self._agree)):
            layout.addWidget(widget)

    def _agree(self) -> None:
        changed: dict[str, str | tuple[str, ...]] = {}
        for name, field in self.fields.items():
            words = (field.toPlainText() if isinstance(field, QPlainTextEdit) else field.text()).strip()
            if words != self._before[name]:
                changed[name] = _parts(words) if name in ("keywords", "people") else words
        self.accept()
        if changed:
            self.given.emit(replace(Edit(), **changed))


class TagDialog(QDialog):
    """Tags to put on pictures and to take off them."""

    given = Signal(object, object)
    """Tags to add, tags to remove."""

    def __init__(self, count: int, common: Sequence[str], known: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(text("Tags"))
        self.setMinimumWidth(420)
        self._common = tuple(common)
        self.tags = QLineEdit("; ".join(common))
        self.tags.setAccessibleName(text("Tags"))
        completer = QCompleter(self)
        completer.setModel(QStringListModel(list(known), completer))
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.tags.setCompleter(completer)
        sentence = text("Tags, separated with semicolons.")
        if count > 1:
            sentence = text("Tags to add to {count} pictures, separated with semicolons.", count=f"{count:,}")
        layout = _column(self)
        for widget in (QLabel(sentence, wordWrap=True), self.tags, _buttons(self, text("Keep"), self._agree)):
            layout.addWidget(widget)

    def _agree(self) -> None:
        tags = _parts(self.tags.text())
        added = tuple(tag for tag in tags if tag not in self._common)
        removed = tuple(tag for tag in self._common if tag not in tags)
        self.accept()
        if added or removed:
            self.given.emit(added, removed)


class FolderRules(QDialog):
    """Which files of a folder are taken into the library."""

    given = Signal(object)
    """A composer.collection.LibraryFolder."""

    def __init__(self, folder: LibraryFolder, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(text("Rules of a folder"))
        self.setMinimumWidth(460)
        self._folder = folder
        where = QLabel(folder.path, wordWrap=True)
        where.setTextFormat(Qt.TextFormat.PlainText)
        where.setProperty("rank", "heading")
        self.include, self.exclude = QPlainTextEdit(folder.include), QPlainTextEdit(folder.exclude)
        layout = _column(self)
        layout.addWidget(where)
        for field, words, example in (
            (self.include, text("Take only these (empty: everything)"), "*.jpg\n2024/**"),
            (self.exclude, text("Leave these out"), "rejects/\n*-draft.*"),
        ):
            field.setPlaceholderText(example)
            field.setAccessibleName(words)
            field.setTabChangesFocus(True)
            field.setFixedHeight(84)
            label = QLabel(words)
            label.setBuddy(field)
            layout.addWidget(label)
            layout.addWidget(field)
        hint = QLabel(
            text("One pattern a line, as in gitignore files. The folder is looked through again after a change."),
            wordWrap=True,
        )
        hint.setProperty("rank", "quiet")
        layout.addWidget(hint)
        layout.addWidget(_buttons(self, text("Keep"), self._agree))

    def _agree(self) -> None:
        changed = replace(
            self._folder, include=self.include.toPlainText().strip(), exclude=self.exclude.toPlainText().strip()
        )
        self.accept()
        if changed != self._folder:
            self.given.emit(changed)


def _parts(words: str) -> tuple[str, ...]:
    parts = [" ".join(part.split()) for part in words.replace("；", ";").split(";")]
    return tuple(dict.fromkeys(part for part in parts if part))


def _field(name: str, words: str) -> QLineEdit | QPlainTextEdit:
    if name != "caption":
        return QLineEdit(words)
    field = QPlainTextEdit(words)
    field.setFixedHeight(72)
    field.setTabChangesFocus(True)
    return field


def _buttons(dialog: QDialog, yes: str, agree: object) -> QDialogButtonBox:
    buttons = QDialogButtonBox()
    buttons.addButton(text("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
    buttons.addButton(yes, QDialogButtonBox.ButtonRole.AcceptRole).setDefault(True)
    buttons.accepted.connect(agree)
    buttons.rejected.connect(dialog.reject)
    return buttons


def _column(dialog: QDialog) -> QVBoxLayout:
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(20, 20, 20, 16)
    layout.setSpacing(12)
    return layout
