"""espeak-ng through its C library: speech with the times of its words and phonemes.

espeak-ng (Debian ``libespeak-ng1``, GPL-3) is only a program that is run to make training speech; nothing of it is shipped.
Constants and structures are those of ``speak_lib.h`` of espeak-ng 1.51.
"""

import ctypes
from dataclasses import dataclass

import numpy as np

from actors.errors import UsageError

_WORD, _PHONEME, _END_OF_LIST = 1, 7, 0  # espeak_EVENT_TYPE
_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: a queue and its thread sleep four fifths of the time
_PHONEME_EVENTS = 1  # espeakINITIALIZE_PHONEME_EVENTS
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
_UTF8 = 1  # espeakCHARS_UTF8


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class Speaker:
    """How espeak-ng speaks.

    Attributes:
        name: of a voice, with a variant's behind a plus sign: ``en-us+f3``.
        rate: words per minute.
        pitch: 0 to 100; 50 is 90 Hz for a man's voice.
        pitch_range: 0 to 100; at 0 the pitch is constant.
    """

    name: str = "en-us"
    rate: int = 150
    pitch: int = 50
    pitch_range: int = 0


@dataclass(frozen=True)
class Spoken:
    """One utterance of espeak-ng.

    Attributes:
        audio: float32 samples in ``[-1, 1]``.
        words: first sample and index of the first character of every word.
        phonemes: first sample and espeak's name of every phoneme; names of pauses begin with ``_``.
    """

    audio: np.ndarray
    words: list[tuple[int, int]]
    phonemes: list[tuple[int, str]]

    @property
    def end(self) -> int:
        """The sample after the last phoneme that is not a pause; 0 if there is none."""
        end = len(self.audio)
        for start, name in reversed(self.phonemes):
            if not name.startswith("_"):
                return end
            end = start
        return 0


class Espeak:
    """The library keeps one global state: one object per process.

    Attributes:
        sample_rate: samples per second of the audio.

    Raises:
        UsageError: espeak-ng is not installed.
    """

    def __init__(self, speaker: Speaker = Speaker()) -> None:
        try:
            self._library = ctypes.CDLL("libespeak-ng.so.1")
        except OSError as error:
            raise UsageError("espeak-ng is not installed: apt install espeak-ng") from error
        self.sample_rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 500, None, _PHONEME_EVENTS)
        self._callback = _Callback(self._receive)  # kept: the library holds only a pointer
        self._library.espeak_SetSynthCallback(self._callback)
        position = (ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint)
        self._library.espeak_Synth.argtypes = (ctypes.c_char_p, ctypes.c_size_t, *position, ctypes.c_void_p, ctypes.c_void_p)
        self.use(speaker)

    def use(self, speaker: Speaker) -> None:
        """Go on as another speaker.

        Raises:
            UsageError: espeak-ng has no voice of this name.
        """
        if self._library.espeak_SetVoiceByName(speaker.name.encode("ascii")):
            raise UsageError(f"espeak-ng has no voice {speaker.name!r}: see espeak-ng --voices, and --voices=variant")
        for parameter, value in ((_RATE, speaker.rate), (_PITCH, speaker.pitch), (_RANGE, speaker.pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)

    def speak(self, text: str) -> Spoken:
        """Speak a text in ASCII."""
        self._audio: list[np.ndarray] = []
        self._words: list[tuple[int, int]] = []
        self._phonemes: list[tuple[int, str]] = []
        data = text.encode("ascii")
        self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8, None, None)
        samples = np.concatenate(self._audio) if self._audio else np.zeros(0, np.int16)
        return Spoken(samples.astype(np.float32) / 32768, self._words, self._phonemes)

    def _receive(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: "ctypes._Pointer[_Event]") -> int:
        if samples and count > 0:
            self._audio.append(np.ctypeslib.as_array(samples, (count,)).copy())
        i = 0
        while events[i].type != _END_OF_LIST:
            event = events[i]
            if event.type == _WORD:
                self._words.append((event.sample, event.text_position - 1))
            elif event.type == _PHONEME:
                self._phonemes.append((event.sample, bytes(event.id.string).split(b"\0")[0].decode("utf-8", "replace")))
            i += 1
        return 0
