"""The normalisers that are compared, each in an interpreter that has it.

``python -m benchmarks.normalisation.candidates NAME LANGUAGE`` reads texts as a JSON list from stdin, and writes what each
becomes and the seconds it took to stdout. A text that a candidate raises on is left as it is written.
"""

import json
import sys
import time
from collections.abc import Callable

Read = Callable[[str], str]


def speechmill(language: str) -> Read:
    """All stages of ours."""
    from actors.text import Normaliser

    normaliser = Normaliser(language)
    return lambda text: normaliser(text).text


def as_written(language: str) -> Read:
    """Nothing at all."""
    del language
    return str


def soprano(language: str) -> Read:
    """soprano-tts' front end, as ``actors/families/soprano/text.py`` has it."""
    del language
    from actors.families.soprano.text import normalise

    return normalise


def wetext(language: str) -> Read:
    """wetext: finite-state grammars, ready to use."""
    from wetext import Normalizer  # type: ignore[import-not-found]

    normalizer = Normalizer(lang=language, operator="tn")
    return lambda text: str(normalizer.normalize(text))


def nemo(language: str) -> Read:
    """NVIDIA's nemo_text_processing: the grammars are built at first, into ``~/.cache``."""
    from pathlib import Path

    from nemo_text_processing.text_normalization.normalize import Normalizer  # type: ignore[import-not-found]

    cache = Path.home() / ".cache" / "speechmill" / "nemo" / language
    normalizer = Normalizer(input_case="cased", lang=language, cache_dir=str(cache), overwrite_cache=False)
    return lambda text: str(normalizer.normalize(text, punct_pre_process=False, punct_post_process=True))


CANDIDATES: dict[str, tuple[Callable[[str], Read], frozenset[str] | None]] = {
    "speechmill": (speechmill, None),
    "as-written": (as_written, None),
    "soprano-tts": (soprano, frozenset({"en"})),
    "wetext": (wetext, frozenset({"en"})),
    "nemo": (nemo, frozenset({"en", "de", "fr", "es", "it", "pt"})),
}


def main() -> None:
    """Read the texts of stdin."""
    name, language = sys.argv[1:]
    make, _ = CANDIDATES[name]
    stdout, sys.stdout = sys.stdout, sys.stderr  # some log there
    read = make(language)
    texts = json.load(sys.stdin)
    for text in texts[:20]:
        attempt(read, text)
    start = time.process_time()
    spoken = [attempt(read, text) for text in texts]
    json.dump({"spoken": spoken, "seconds": time.process_time() - start}, stdout)


def attempt(read: Read, text: str) -> str:
    """Return what a candidate makes of a text, the text itself where it raises."""
    try:
        return read(text)
    except Exception as error:  # noqa: BLE001 (those of others)
        sys.stderr.write(f"{text!r}: {type(error).__name__}: {error}\n")
        return text


if __name__ == "__main__":
    main()
