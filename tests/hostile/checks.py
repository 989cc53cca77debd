"""What every answer of the server must be, whatever was asked."""

from hostile.wire import Answer


def check(answer: Answer | None) -> Answer | None:
    """Fail unless the answer is one that an ArcGIS client could read."""
    if answer is None:
        return None
    assert answer.status < 500, (answer.status, answer.body[:2000])
    assert b"Traceback (most recent call last)" not in answer.body, answer.body[:2000]
    assert b"root:x:0" not in answer.body
    assert "x-evil" not in answer.headers
    if answer.body and "json" in answer.headers.get("content-type", ""):
        value = answer.json
        if isinstance(value, dict) and "error" in value:
            error = value["error"]
            assert error["code"] != 500, error
            assert isinstance(error["message"], str)
            assert all(isinstance(line, str) for line in error["details"])
    return answer
