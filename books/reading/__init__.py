"""Files in, books out: a module each for EPUB, HTML, Markdown, plain text and PDF."""
