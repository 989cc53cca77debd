"""Whoever wants to know what becomes of jobs and of the processes that run them."""

from typing import Protocol

from gpserver.job import Job, JobStatus, NewJob


class Observer(Protocol):
    """Is told once of each fact, after it, by the node that brought it about; must not raise or wait."""

    def trace(self, job: NewJob) -> str:
        """The W3C ``traceparent`` that what becomes of a new job belongs to; empty where nobody traces."""

    def submitted(self, job: NewJob) -> None:
        """A job was queued."""

    def began(self, job: Job, since: float) -> None:
        """A job left the line, in which it was since then (epoch seconds): its attempt runs."""

    def moved(self, job: Job, source: JobStatus) -> None:
        """A job came from another state to where it is now."""

    def replaced(self, reason: str) -> None:
        """A child process that runs jobs had to be replaced: crash, memory, time, cancel or recycled."""


class Nobody:
    """An observer that looks away."""

    def trace(self, job: NewJob) -> str:
        """No trace."""
        return ""

    def submitted(self, job: NewJob) -> None:
        """Nothing."""

    def began(self, job: Job, since: float) -> None:
        """Nothing."""

    def moved(self, job: Job, source: JobStatus) -> None:
        """Nothing."""

    def replaced(self, reason: str) -> None:
        """Nothing."""
