"""One HTML page about a job's output, to look at and to listen to, that opens without a network."""
