"""PocketTTS: a flow language model and the Mimi codec."""
