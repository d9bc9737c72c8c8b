"""Opens a bundle's tokenizer."""

from tokenizers import Tokenizer

from actors.bundle import Bundle
from actors.errors import BundleError

MEMBER = "tokenizer.json"


def load_tokenizer(bundle: Bundle) -> Tokenizer:
    """Read ``tokenizer.json``.

    Raises:
        BundleError: it is not listed, damaged, or not a tokenizer.
    """
    path = bundle.path(MEMBER)
    try:
        return Tokenizer.from_file(str(path))
    except BaseException as error:
        # The library raises a plain Exception; where its Rust code panics, a PanicException that is none.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise BundleError(f"{path} is not a tokenizer: {error}. Export the model again.") from error
