"""Requests, counted by the event loop alone and without locks: beside a poll of 0.3 ms they would show."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

_ENDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30)  # seconds
_BUCKETS = (*map(str, _ENDS), "+Inf")
_LABELS = ("route", "method")


class Traffic(Collector):
    """The requests of a process; one thread counts, any may collect."""

    def __init__(self) -> None:
        self._routes = dict[tuple[str, str], _Route]()

    def answered(self, route: str, method: str, code: int, seconds: float, received: int, sent: int) -> None:
        """A request was answered.

        Args:
            route: The template of its path.
            method: One of HTTP's.
            code: The answer's status.
            seconds: From its first line to the end of the answer.
            received: Bytes of its body.
            sent: Bytes of the answer's body.
        """
        seen = self._routes.get((route, method))
        if seen is None:
            seen = self._routes[route, method] = _Route()
        seen.buckets[bisect_left(_ENDS, seconds)] += 1
        seen.seconds += seconds
        seen.received += received
        seen.sent += sent
        seen.codes[code] = seen.codes.get(code, 0) + 1

    def collect(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
        """All of it."""
        requests = CounterMetricFamily(
            "gpserver_http_requests", "Requests that were answered.", labels=(*_LABELS, "code")
        )
        lasted = HistogramMetricFamily(
            "gpserver_http_request_seconds", "Time until the end of the answer.", labels=_LABELS
        )
        received = CounterMetricFamily(
            "gpserver_http_request_bytes", "Bytes of requests' bodies, as sent.", labels=_LABELS
        )
        sent = CounterMetricFamily(
            "gpserver_http_response_bytes", "Bytes of answers' bodies, as sent.", labels=_LABELS
        )
        for names, seen in list(self._routes.items()):
            for code, count in list(seen.codes.items()):
                requests.add_metric((*names, str(code)), count)
            lasted.add_metric(names, list(zip(_BUCKETS, accumulate(seen.buckets), strict=True)), seen.seconds)
            received.add_metric(names, seen.received)
            sent.add_metric(names, seen.sent)
        yield from (requests, lasted, received, sent)


class _Route:
    __slots__ = ("buckets", "codes", "received", "seconds", "sent")

    def __init__(self) -> None:
        self.buckets = [0] * len(_BUCKETS)
        self.codes = dict[int, int]()
        self.seconds, self.received, self.sent = 0.0, 0, 0
