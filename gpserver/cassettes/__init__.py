"""A real server on a cassette: recorded without its secrets, replayed without it, compared with it."""
