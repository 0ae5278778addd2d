"""What can go wrong, in words for the writer: one sentence, and what to do next."""


class ComposerError(Exception):
    """A problem to be told to the writer: `message` says what, `hint` says what to do next."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self) -> tuple[type["ComposerError"], tuple[str, str]]:
        return type(self), (self.message, self.hint)


class BadBrief(ComposerError):
    """The brief cannot be written as it stands."""


class LibraryError(ComposerError):
    """A picture folder or the catalogue cannot be used."""


class ModelNotReady(ComposerError):
    """A model's files are missing or damaged, or it cannot run on this machine."""


class ModelFailed(ComposerError):
    """A model gave an answer that cannot be used, or its process ended."""


class ProjectError(ComposerError):
    """A project file cannot be opened or saved."""


class SettingsError(ComposerError):
    """The settings file holds something that is not a setting."""


class Cancelled(Exception):
    """The writer gave up waiting. Never shown as an error."""
