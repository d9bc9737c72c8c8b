"""VibeVoice-ASR: who spoke when, and what."""
