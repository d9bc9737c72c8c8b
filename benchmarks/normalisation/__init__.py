"""How well texts are read: cases, and what speechmill and others make of them."""
