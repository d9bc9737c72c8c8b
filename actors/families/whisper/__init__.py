"""Whisper: what was said in windows of 30 seconds, and when."""
