"""The small voice that ships with the repository."""
