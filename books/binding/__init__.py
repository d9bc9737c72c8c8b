"""Spoken passages in, audiobooks out: audio files with chapters, subtitles, and EPUBs with media overlays."""
