"""Questions about models: is that really wanted, and where is your server."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from ui.model_words import server_of, source_of
from ui.texts import text


class Question(QDialog):
    """A sentence, what follows from a yes, and a button that says what it does. Enter alone does nothing."""

    agreed = Signal()

    def __init__(self, sentence: str, details: str, yes: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(text("Models"))
        self.setMinimumWidth(440)
        self.label, self.details = QLabel(sentence, wordWrap=True), QLabel(details, wordWrap=True)
        self.label.setProperty("rank", "heading")
        for label in (self.label, self.details):
            label.setTextFormat(Qt.TextFormat.PlainText)
        buttons = QDialogButtonBox()
        self.no_button = buttons.addButton(text("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        self.yes_button = buttons.addButton(yes, QDialogButtonBox.ButtonRole.AcceptRole)
        self.no_button.setDefault(True)
        buttons.accepted.connect(self._agree)
        buttons.rejected.connect(self.reject)
        _column(self, self.label, self.details, buttons)

    def _agree(self) -> None:
        self.accept()
        self.agreed.emit()


class ServerDialog(QDialog):
    """Where a model server is, and which of its models to take."""

    given = Signal(object)
    """A ui.model_words.Server."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(text("Add a server"))
        self.setMinimumWidth(480)
        about = QLabel(
            text(
                "A program such as Ollama, LM Studio or llama.cpp can run the model, on this computer or on one that "
                "you trust. Start its server, then give its address here."
            ),
            wordWrap=True,
        )
        self.address = QLineEdit(placeholderText="http://127.0.0.1:11434/v1")
        self.model = QLineEdit(placeholderText="qwen3:8b")
        self.problem = QLabel(wordWrap=True)
        self.problem.setProperty("rank", "problem")
        self.problem.hide()
        form = QFormLayout()
        form.setSpacing(12)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for label, field in ((text("Address"), self.address), (text("Name of the model"), self.model)):
            field.setAccessibleName(label)
            form.addRow(label, field)
        note = QLabel(text("The name may stay empty where the server has only one model."), wordWrap=True)
        note.setProperty("rank", "quiet")
        buttons = QDialogButtonBox()
        buttons.addButton(text("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        self.use_button = buttons.addButton(text("Use this server"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.use_button.setDefault(True)
        buttons.accepted.connect(self.agree)
        buttons.rejected.connect(self.reject)
        layout = _column(self, about)
        layout.addLayout(form)
        for widget in (note, self.problem, buttons):
            layout.addWidget(widget)

    def agree(self) -> None:
        """Take the server, or say what is wrong with the address."""
        server = server_of(self.address.text(), self.model.text())
        if server is None:
            self.problem.setText(text("This is no address of a server. Write it as http://127.0.0.1:11434/v1."))
            self.problem.show()
            self.address.setFocus()
            return
        self.accept()
        self.given.emit(server)


class SourceDialog(QDialog):
    """Where to fetch a model from that the list does not have."""

    given = Signal(str)
    """An address that the engine can fetch from."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(text("Fetch another model"))
        self.setMinimumWidth(480)
        about = QLabel(
            text(
                "Give the address of a model's page on the Hugging Face hub, or its name there. Of a page with several "
                "files choose one .gguf file and copy its address."
            ),
            wordWrap=True,
        )
        self.address = QLineEdit(placeholderText="owner/repository")
        self.address.setAccessibleName(text("Address"))
        self.problem = QLabel(wordWrap=True)
        self.problem.setProperty("rank", "problem")
        self.problem.hide()
        note = QLabel(text("The model is fetched from the internet. Nothing of yours is sent there."), wordWrap=True)
        note.setProperty("rank", "quiet")
        buttons = QDialogButtonBox()
        buttons.addButton(text("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        self.fetch_button = buttons.addButton(text("Fetch"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.fetch_button.setDefault(True)
        buttons.accepted.connect(self.agree)
        buttons.rejected.connect(self.reject)
        _column(self, about, self.address, note, self.problem, buttons)

    def agree(self) -> None:
        """Take the address, or say what is wrong with it."""
        source = source_of(self.address.text())
        if not source:
            self.problem.setText(text("This is no address of a model. Write it as owner/repository."))
            self.problem.show()
            self.address.setFocus()
            return
        self.accept()
        self.given.emit(source)


def _column(dialog: QDialog, *widgets: QWidget) -> QVBoxLayout:
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(20, 20, 20, 16)
    layout.setSpacing(14)
    for widget in widgets:
        layout.addWidget(widget)
    return layout
