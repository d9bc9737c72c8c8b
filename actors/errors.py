"""Every error Speechmill raises on purpose, in one tree.

Each leaf also inherits the builtin a caller would expect to catch. A message says what was wrong, where, and what to
do next. Bad rows are not errors: they come out of a job with status ``rejected`` and their reason.
"""


class SpeechmillError(Exception):
    """Root of the tree: catch it to catch everything Speechmill raises on purpose."""


class UsageError(SpeechmillError, ValueError):
    """The caller asked for something that does not exist or does not fit together (exit code 2)."""


class RequestError(SpeechmillError, ValueError):
    """One row or request cannot be processed as it is: it becomes a ``rejected`` row with this message."""


class BundleError(SpeechmillError, ValueError):
    """A bundle's ``bundle.json`` or one of its files breaks the contract of design section 3."""


class BundleCorruptError(BundleError):
    """A bundle file's bytes are not the bytes ``bundle.json`` promises."""


class BundleNotFoundError(SpeechmillError, FileNotFoundError):
    """A model reference names nothing that is published."""


class StorageError(SpeechmillError, OSError):
    """A store (folder, S3, hub) cannot be reached, read or written."""


class ExportError(SpeechmillError, RuntimeError):
    """A checkpoint cannot be exported, or the exported graph is not the model (a check failed)."""


class SynthesisError(SpeechmillError, RuntimeError):
    """A model produced something that is not audio: no samples, or samples that are not numbers."""


class EngineClosedError(SpeechmillError, RuntimeError):
    """An engine was closed, as it is when a job stops: what it was asked for is not done, and that is no row's fault."""


class NotFiniteError(SpeechmillError, ArithmeticError):
    """A model computed NaN or infinity for one row: that row is ``failed`` with this message, those beside it go on."""


class InputDataError(SpeechmillError, ValueError):
    """A job's input cannot be read: no file, no text column, a corrupt shard."""


class ResumeError(UsageError):
    """The output folder belongs to a job with other arguments, or to a job that runs right now."""


class CoresUnavailableError(SpeechmillError, RuntimeError):
    """This node has too few free CPU cores for an actor."""
