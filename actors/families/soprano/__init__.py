"""Soprano: a language model of 80 M weights and a Vocos decoder."""

from actors.families.family import Family
from actors.families.soprano.loop import Soprano, parse_options

FAMILY = Family("soprano", "text-to-speech", Soprano, parse_options, int8_gain={"avx2": 1.25})
