"""What an operator sees: metrics for Prometheus, traces for OpenTelemetry, health, requests in the log."""
