"""The one error of this package: bad input, said in one line."""


class ReidError(ValueError):
    """Something the user gave cannot be used; the message says what, where and what to do."""
