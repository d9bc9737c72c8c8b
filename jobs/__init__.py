"""What users start, with ``python jobs/<name>.py`` or ``speechmill <name>``, and what these command lines share."""
