"""All that is known of the chosen picture, and what can be done with it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from composer.collection import Credential, Details, Hit
from composer.types import Picture
from ui.flow import FlowLayout
from ui.images import ImageLoader
from ui.library_words import figures_of, rights_words, screens_words, title_of
from ui.picture_view import PictureButton, PictureView
from ui.star_row import StarRow
from ui.texts import plural, text

TALLEST = 250


class LibraryDetails(QScrollArea):
    """Shows a hit at once and the rest when it has come."""

    put = Signal(object)
    """A composer.types.Picture for the article."""
    like = Signal(object)
    unlike = Signal(object)
    rated = Signal(int)
    hidden_pressed = Signal()
    tag_pressed = Signal()
    edit_pressed = Signal(object)
    """A composer.collection.Details."""
    other = Signal(object)
    """A near-duplicate to look at."""

    def __init__(self, thumbnails: ImageLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self._hit: Hit | None = None
        self.details: Details | None = None
        self._can_put = self._stale = False
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._make()
        self._lay_out()
        self.show_hit(None, 0)

    # --- showing ---

    def show_hit(self, hit: Hit | None, chosen: int) -> None:
        """The current picture and how many are chosen."""
        same = hit is not None and self._hit is not None and hit.picture.id == self._hit.picture.id
        self._hit = hit
        many = chosen > 1
        self._empty.setVisible(hit is None)
        self._body.setVisible(hit is not None)
        self._many.setVisible(many)
        self._many.setText(
            plural("{count} picture is chosen.", "{count} pictures are chosen.", chosen)
            + " "
            + text("Stars, hiding and tags are for all of them.")
        )
        if hit is None:
            self.details = None
            return
        self._show_marks(hit.rating, hit.hidden)
        if not same or self.details is None:
            self.details = None
            self._show_picture(hit.picture, hit.rights, "")
            for section in self._sections.values():
                section.show_words("")
            self._copies.hide()
            self.verticalScrollBar().setValue(0)
        self._sections["scores"].show_words(figures_of(hit) if hit.vector is not None or hit.words is not None else "")
        self._sections["tags"].show_words(text(", ").join(hit.tags))
        self.edit_button.setEnabled(self.details is not None)

    def show_details(self, details: Details) -> None:
        """What the engine knows; of another picture than the current one it is passed over."""
        if self._hit is None or details.picture.id != self._hit.picture.id:
            return
        self.details, self._stale = details, False
        self._show_picture(details.picture, details.rights, details.warning)
        self._show_marks(details.rating, details.hidden)
        picture = details.picture
        said = self._sections
        said["tags"].show_words(text(", ").join(details.tags))
        said["words"].show_words(text(", ").join(details.keywords))
        said["about"].show_words("\n".join(_about(picture)))
        said["said"].show_words(details.said[:600])
        said["where"].show_words("\n".join(details.paths or (picture.path,)))
        said["used"].show_words("\n".join(" · ".join(part for part in (u.title, u.day) if part) for u in details.uses))
        said["screens"].show_words(screens_words(details.screens))
        said["credential"].show_words(credential_words(details.credential))
        self._show_copies(details.copies)
        self.edit_button.setEnabled(True)

    def forget(self) -> None:
        """What is known is not as it was; it is shown until the new is here."""
        self._stale = True

    @property
    def complete(self) -> bool:
        """Whether all is known of the picture that is shown."""
        return self.details is not None and not self._stale

    def focus_first(self) -> None:
        """Take the keyboard: to what an editor most likely wants to do."""
        (self.put_button if self._can_put else self.like_button).setFocus(Qt.FocusReason.OtherFocusReason)

    def can_put(self, sentence: str) -> None:
        """Where a picture would go; empty when there is no place for it."""
        self._can_put = bool(sentence)
        self.put_button.setEnabled(self._can_put)
        self._place.setText(sentence or text("Open an article and click a place in it to put pictures there."))
        self.put_button.setAccessibleDescription(self._place.text())

    def _show_picture(self, picture: Picture, rights: str, warning: str) -> None:
        self.view.show_picture(picture)
        self._title.setText(title_of(picture))
        self._second.setText(picture.title if picture.caption and picture.title != picture.caption else "")
        self._second.setVisible(bool(self._second.text()))
        self._facts.setText(" · ".join(_facts(picture)))
        words = {str(right): said for right, said in rights_words().items()}[rights]
        licence = picture.licence or picture.terms
        self._rights.setText(" · ".join(part for part in (words, licence) if part))
        self._warning.setText(warning)
        self._warning.setVisible(bool(warning))
        surface = "note" if rights == "free" else "warning"
        if self._rights_frame.property("surface") != surface:
            self._rights_frame.setProperty("surface", surface)
            self._rights_frame.style().polish(self._rights_frame)
        credit = picture.credit or picture.creator or picture.copyright
        self._credit.setText(text("Credit: {credit}", credit=credit) if credit else text("No credit line is known."))
        self.copy_button.setEnabled(bool(credit))

    def _show_marks(self, rating: int, hidden: bool) -> None:
        self.stars.show_rating(rating)
        self.hide_button.setText(text("Show again") if hidden else text("Hide"))

    def _show_copies(self, copies: tuple[Picture, ...]) -> None:
        while (item := self._copy_row.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for picture in copies[:12]:
            button = PictureButton(picture, self._thumbnails)
            button.clicked.connect(lambda _=False, other=picture: self.other.emit(other))
            self._copy_row.addWidget(button)
        self._copies.setVisible(bool(copies))

    # --- what is pressed ---

    def _open_folder(self) -> None:
        if self._hit is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(self._hit.picture.path).parent)))

    def _copy_credit(self) -> None:
        picture = self.details.picture if self.details else self._hit.picture if self._hit else None
        if picture is not None:
            credit = picture.credit or picture.creator or picture.copyright
            QGuiApplication.clipboard().setText(" · ".join(part for part in (credit, picture.licence) if part))

    def _emit_picture(self, signal: object) -> None:
        if self._hit is not None:
            signal.emit(self.details.picture if self.details else self._hit.picture)  # type: ignore[attr-defined]

    # --- making ---

    def _make(self) -> None:
        self._empty = QLabel(text("Choose a picture to see all that is known of it."), wordWrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setProperty("rank", "quiet")
        self._empty.setContentsMargins(24, 24, 24, 24)
        self._many = _plain("heading")
        self.view = PictureView(self._thumbnails, TALLEST)
        self._title, self._second, self._facts = _plain("heading"), _plain(""), _plain("quiet")
        self._place = _plain("quiet")
        self.put_button = QPushButton(text("Put into article"))
        self.put_button.setProperty("primary", "true")
        self.put_button.clicked.connect(lambda: self._emit_picture(self.put))
        self.like_button = QPushButton(text("More like this"))
        self.like_button.clicked.connect(lambda: self._emit_picture(self.like))
        self.unlike_button = QPushButton(text("Not like this"))
        self.unlike_button.clicked.connect(lambda: self._emit_picture(self.unlike))
        self.stars = StarRow()
        self.stars.rated.connect(self.rated)
        self.hide_button, self.tag_button = QPushButton(text("Hide")), QPushButton(text("Tags…"))
        self.hide_button.clicked.connect(self.hidden_pressed)
        self.tag_button.clicked.connect(self.tag_pressed)
        self.edit_button = QPushButton(text("Edit words…"))
        self.edit_button.clicked.connect(lambda: self.details and self.edit_pressed.emit(self.details))
        self._rights, self._warning, self._credit = _plain("heading"), _plain(""), _plain("")
        self.copy_button = QToolButton()
        self.copy_button.setText(text("Copy credit"))
        self.copy_button.clicked.connect(self._copy_credit)
        self.folder_button = QToolButton()
        self.folder_button.setText(text("Open folder"))
        self.folder_button.clicked.connect(self._open_folder)
        for button in (self.copy_button, self.folder_button):
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._sections = {
            "tags": _Section(text("Tags")), "about": _Section(text("About it")), "words": _Section(text("Keywords")),
            "said": _Section(text("Text in the picture")), "where": _Section(text("Where it lies")),
            "used": _Section(text("Used in")), "screens": _Section(text("Seen in it")),
            "credential": _Section(text("Content credentials")), "scores": _Section(text("Scores of this search")),
        }  # fmt: skip

    def _lay_out(self) -> None:
        self._rights_frame = QFrame()
        frame = QVBoxLayout(self._rights_frame)
        frame.setContentsMargins(10, 8, 10, 8)
        frame.setSpacing(4)
        for label in (self._rights, self._warning, self._credit):
            frame.addWidget(label)
        frame.addWidget(self.copy_button, 0, Qt.AlignmentFlag.AlignLeft)
        self._copies = QWidget()
        copies = QVBoxLayout(self._copies)
        copies.setContentsMargins(0, 0, 0, 0)
        heading = _plain("heading")
        heading.setText(text("Near-duplicates"))
        holder = QWidget()
        self._copy_row = FlowLayout(holder)
        copies.addWidget(heading)
        copies.addWidget(holder)
        self._body = QWidget()
        column = QVBoxLayout(self._body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(9)
        for widget in (self.view, self._title, self._second, self._facts):
            column.addWidget(widget)
        column.addWidget(self.stars, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.put_button)
        column.addWidget(self._place)
        column.addLayout(_row(self.like_button, self.unlike_button))
        column.addLayout(_row(self.hide_button, self.tag_button))
        column.addWidget(self._rights_frame)
        for name, section in self._sections.items():
            column.addWidget(section)
            if name == "where":
                column.addWidget(self.folder_button, 0, Qt.AlignmentFlag.AlignLeft)
                column.addWidget(self._copies)
        column.addWidget(self.edit_button)
        inside = QWidget()
        outer = QVBoxLayout(inside)
        outer.setContentsMargins(14, 12, 14, 16)
        outer.addWidget(self._empty, 1)
        outer.addWidget(self._many)
        outer.addWidget(self._body)
        outer.addStretch(1)
        self.setWidget(inside)


class _Section(QWidget):
    """A heading and words that can be copied; gone while there are none."""

    def __init__(self, heading: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        title = _plain("heading")
        title.setText(heading)
        self.words = _plain("")
        column.addWidget(title)
        column.addWidget(self.words)

    def show_words(self, words: str) -> None:
        self.words.setText(words)
        self.setVisible(bool(words))


def credential_words(credential: Credential | None) -> str:
    """What the file's content credentials say, and how far that goes."""
    if credential is None:
        return ""
    lines = [
        text("The file is as it was signed. That says nothing about the signer.")
        if credential.valid
        else text("The file is not as it was signed: do not rely on what it says of itself.")
    ]
    if credential.generated:
        lines.append(text("It says that a machine made the picture."))
    if credential.signer:
        lines.append(text("Signed by {name}", name=credential.signer))
    if credential.tool:
        lines.append(text("Made with {name}", name=credential.tool))
    lines += [part for part in (credential.made, text(", ").join(credential.actions), credential.problem) if part]
    return "\n".join(lines)


def _facts(picture: Picture) -> list[str]:
    parts = [f"{picture.width:,} × {picture.height:,}", picture.taken, picture.place, picture.people]
    return [part for part in parts if part]


def _about(picture: Picture) -> list[str]:
    pairs = (
        (text("By {name}", name=picture.creator), picture.creator),
        (picture.copyright, picture.copyright),
        (picture.terms, picture.terms),
        (picture.source, picture.source),
    )
    return [said for said, known in pairs if known]


def _plain(rank: str) -> QLabel:
    label = QLabel(wordWrap=True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    if rank:
        label.setProperty("rank", rank)
    return label


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget, 1)
    return row
