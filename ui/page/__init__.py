"""The article as a page: the document, its figures, and the editing of its text."""
