"""Opens a bundle's tokenizer."""

from tokenizers import Tokenizer

from actors.bundle import Bundle
from actors.errors import BundleError

MEMBER = "tokenizer.json"


_PROBE = "A probe."


def load_tokenizer(bundle: Bundle, vocab_size: int) -> Tokenizer:
    """Read the ``tokenizer.json`` of a model with so many tokens, and try it.

    Raises:
        BundleError: it is not listed, damaged, not a tokenizer, or that of a model with more tokens.
    """
    path = bundle.path(MEMBER)
    try:
        tokenizer = Tokenizer.from_file(str(path))
        highest = max(tokenizer.encode(_PROBE).ids, default=0)
    except BaseException as error:
        # The library raises a plain Exception; where its Rust code panics, a PanicException that is none.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise BundleError(f"{path} is not a tokenizer: {error}. Export the model again.") from error
    if highest >= vocab_size:
        raise BundleError(f"{path} knows the token {highest}, and this model has {vocab_size}: it is another model's")
    return tokenizer
