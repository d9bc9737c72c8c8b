"""What users start. Each module is a command line; run one with ``python jobs/<name>.py``, or any with ``speechmill``."""
