"""Soprano: a language model of 80 M weights and a Vocos decoder."""
