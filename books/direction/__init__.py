"""How a book is spoken: sentences, voices, pronunciations and pauses."""
