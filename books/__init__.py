"""Books in, audiobooks out: reading them, saying how they are spoken, and binding what was spoken.

A :class:`~books.book.Book` is what a file holds, chapter by chapter. Its :class:`~books.script.Script` is what workers speak, a
passage a row. Of the spoken rows :mod:`books.binding` makes audio files, subtitles and books that can be read along.
"""
