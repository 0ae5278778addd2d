"""Shots, where the stages look for them: the window says them too, so the words are in composer/shots.py."""

from __future__ import annotations

from composer.shots import Shot, shot_for, shot_list

__all__ = ["Shot", "shot_for", "shot_list"]
