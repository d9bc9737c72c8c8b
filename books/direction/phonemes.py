"""IPA to a respelling."""


def respelled(ipa: str, language: str = "en") -> str:
    """Return letters that are read as a pronunciation in IPA sounds."""
    return ipa
