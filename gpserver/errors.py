"""The tree of errors: what can go wrong, named once; each protocol translates them in one place."""

import errno


class GPServerError(Exception):
    """Root of every error that gpserver raises on purpose."""


class NotFound(GPServerError):
    """A folder, service, task, job or parameter that is not there."""


class Conflict(GPServerError):
    """A name or an id that is taken already."""


class InvalidRequest(GPServerError):
    """A request that cannot be accepted as it stands."""


class TooLarge(InvalidRequest):
    """A request or a value over a size limit; the text names the limit."""


class ServerBusy(GPServerError):
    """There is no room for a request now, and there may be later; the text names the limit."""


class Unavailable(ServerBusy):
    """What the server needs to answer is away, and comes back; nothing is wrong with the request."""


_OUTAGES = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE),
    *(errno.EMFILE, errno.ENFILE),
}


def outage(error: Exception) -> Unavailable | None:
    """What a failure of the server's disk is to a client; None for any other error.

    A disk that is full or may not be written is the operator's matter, and over one day; no path is told.
    """
    if not isinstance(error, OSError) or error.errno not in _OUTAGES:
        return None
    return Unavailable(
        f"The server cannot use its disk ({error.strerror}). Ask again later, or tell its operator."
    )


class Crowded(ServerBusy):
    """Too much comes in at the same time."""


class TokenRequired(GPServerError):
    """Somebody who has not said who he is asked for what is not for everybody."""


class InvalidToken(GPServerError):
    """A token that was not issued here, is over, or is bound to another place."""


class Forbidden(GPServerError):
    """A user asked for what is not his."""


class SignInRefused(GPServerError):
    """No user has that name and password, or too many passwords were tried."""


class InvalidValue(GPServerError):
    """A parameter's value that cannot be read; the text says why in plain words."""


class TaskError(GPServerError):
    """Raised by a task to fail its job with exactly this text."""


class JobCancelled(GPServerError):
    """Raised inside a task, by its ``JobContext``, once somebody asked for the cancel."""


class PublishingError(GPServerError):
    """A file of the services folder that cannot be published.

    Args:
        problem: What is wrong.
        cure: What to write instead.
        function: The function that is wrong, if it is one function.
        parameter: The parameter of that function, if it is one parameter.
        file: The file, as the publisher knows it (relative to the services folder).
    """

    def __init__(
        self, problem: str, cure: str, *, function: str = "", parameter: str = "", file: str = ""
    ) -> None:
        super().__init__(problem, cure)
        self.problem, self.cure = problem, cure
        self.function, self.parameter, self.file = function, parameter, file

    def __str__(self) -> str:
        where = ", ".join(
            label + name
            for label, name in (
                ("", self.file),
                ("function ", self.function),
                ("parameter ", self.parameter),
            )
            if name
        )
        return f"{where}: {self.problem} {self.cure}" if where else f"{self.problem} {self.cure}"
