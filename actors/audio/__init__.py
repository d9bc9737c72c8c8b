"""Sound: out of files, into files, and what lies between."""
