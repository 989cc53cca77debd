"""A receiver of OTLP over HTTP: what an OpenTelemetry collector would be sent."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Receiver:
    """Keeps the spans that come in."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self.port = 0

    def take(self, body: bytes) -> None:
        """One request of an exporter."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {item.key: item.value.string_value for item in resource.resource.attributes}
            self.services.add(named["service.name"])
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]

    def of(self, job_id: str) -> dict[str, list[Span]]:
        """The spans of a job's trace, by name."""
        traces = {span.trace_id for span in self.spans if fact(span, "gpserver.job.id") == job_id}
        found: dict[str, list[Span]] = {}
        for span in self.spans:
            if span.trace_id in traces:
                found.setdefault(span.name, []).append(span)
        return found

    def wait(self, until: Callable[[], bool]) -> None:
        """Until the spans are there; exporters send them a little later."""
        deadline = time.monotonic() + 30
        while not until():
            assert time.monotonic() < deadline, [span.name for span in self.spans]
            time.sleep(0.02)


def fact(span: Span, name: str) -> str | int:
    """An attribute of a span; empty where it has none."""
    for item in span.attributes:
        if item.key == name:
            return item.value.int_value or item.value.string_value
    return ""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver to which servers that are started meanwhile send their spans."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.take(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, pytest.MonkeyPatch.context() as patch:
        receiver.port = server.server_port
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        patch.setenv("NO_PROXY", "127.0.0.1")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()
