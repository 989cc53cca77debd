"""Spans for OpenTelemetry: a request, a submit, the time in line and each attempt of a job, in one trace."""

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gpserver.job import Job, JobStatus, NewJob

_TEXT = TraceContextTextMapPropagator()
_BAD = (JobStatus.FAILED, JobStatus.TIMED_OUT, JobStatus.QUEUED)  # queued again: its runner was lost
_RAN = (JobStatus.RUNNING, JobStatus.CANCELLING)


class Traces:
    """Sends spans by OTLP over HTTP, to where ``OTEL_*`` variables say, in a thread of its own.

    Spans of jobs are made when they are over, from the facts of the job's row alone: so it does not matter
    which machine ran it, and an attempt has one span, told by whoever wrote down how it ended.
    """

    def __init__(self) -> None:
        named = {SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME", "gpserver")}
        instance = {SERVICE_INSTANCE_ID: f"{socket.gethostname()}:{os.getpid()}"}
        self._provider = TracerProvider(resource=Resource.create(instance | named))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("gpserver")

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str], of_job: str) -> Iterator[Span]:
        """The span of a request, for as long as it is answered.

        Args:
            method: One of HTTP's.
            headers: What the client sent; its ``traceparent`` is honoured.
            of_job: The ``traceparent`` that it belongs to where the client has none.
        """
        sent = dict(headers) if "traceparent" in headers else {"traceparent": of_job}
        with self._tracer.start_as_current_span(
            method, context=_TEXT.extract(sent, context=Context()), kind=SpanKind.SERVER
        ) as span:
            yield span

    def answered(self, span: Span, method: str, route: str, path: str, code: int) -> None:
        """Say what is known only at the end of a request."""
        span.update_name(f"{method} {route}")
        span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "url.path": path,
                "http.response.status_code": code,
            }
        )
        if code >= 500:
            span.set_status(StatusCode.ERROR)

    def trace(self, job: NewJob) -> str:
        """The ``traceparent`` of a submit, which is part of the request that is answered here, if any is."""
        facts = {"gpserver.job.id": job.id, "gpserver.service": job.service, "gpserver.task": job.task}
        span = self._tracer.start_span("submit", kind=SpanKind.PRODUCER, attributes=facts)
        span.end()
        carrier = dict[str, str]()
        _TEXT.inject(carrier, context=set_span_in_context(span, Context()))
        return carrier.get("traceparent", "")

    def began(self, job: Job, since: float) -> None:
        """The time in line is over, in which the job was since then."""
        if job.started is not None:
            self._span("queue", job, since, job.started)

    def moved(self, job: Job, source: JobStatus) -> None:
        """An attempt is over, or a job that never began."""
        end = job.ended or time.time()
        if source is JobStatus.QUEUED:
            self._span("queue", job, job.created, end)
        elif source in _RAN and job.status is not JobStatus.CANCELLING and job.started is not None:
            self._span("run", job, job.started, end, bad=job.status in _BAD)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    def _span(self, name: str, job: Job, start: float, end: float, *, bad: bool = False) -> None:
        facts: dict[str, Any] = {
            "gpserver.job.id": job.id,
            "gpserver.job.attempt": job.attempt,
            "gpserver.job.status": "lost" if name == "run" and job.status is JobStatus.QUEUED else job.status,
            "gpserver.service": job.service,
            "gpserver.task": job.task,
            "gpserver.runner": job.runner,
        }
        parent = _TEXT.extract({"traceparent": job.trace}, context=Context())
        kind = SpanKind.CONSUMER if name == "run" else SpanKind.INTERNAL
        span = self._tracer.start_span(name, parent, kind, facts, start_time=_ns(start))
        if bad:
            span.set_status(StatusCode.ERROR)
        span.end(_ns(max(start, end)))  # the clocks of two machines may differ


def asked_for(environment: Mapping[str, str]) -> bool:
    """Whether the standard ``OTEL_*`` variables ask for traces."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "")
    places = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return exporter != "none" and (exporter == "otlp" or any(environment.get(name) for name in places))


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
