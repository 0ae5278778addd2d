"""The interface in Chinese: the English sentence and its translation."""

CHINESE: dict[str, str] = {}
