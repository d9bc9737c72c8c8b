"""VibeVoice-Realtime: two language models and a diffusion head."""
