"""Frames come out as they went in, however the stream cuts them."""

import socket

import orjson
import pytest

from gpserver.errors import TooLarge
from gpserver.sandbox import frames

VALUES = [["event", ["number", 1]], {}, "", None, {"text": "ä" * 1000}, [1.5, True]]


@pytest.mark.parametrize("size", [1, 3, 4, 5, 1000, 1 << 20])
def test_pieces_of_any_size_make_the_same_frames(size: int) -> None:
    stream = b"".join(map(frames.encode, VALUES))
    decoder = frames.Decoder()
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert [value for piece in pieces for value in decoder.feed(piece)] == VALUES


def test_receive_takes_one_frame_and_leaves_the_next() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"".join(map(frames.encode, VALUES)))
        ours.close()
        assert [frames.receive(theirs) for _ in VALUES] == VALUES
        with pytest.raises(EOFError):
            frames.receive(theirs)


def test_a_stream_that_ends_within_a_frame_has_ended() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(frames.encode("half")[:-1])
        ours.close()
        with pytest.raises(EOFError):
            frames.receive(theirs)


def test_a_frame_has_a_limit_at_both_ends() -> None:
    with pytest.raises(TooLarge, match="64 MB"):
        frames.encode("x" * frames.LIMIT)
    with pytest.raises(TooLarge, match="64 MB"):
        list(frames.Decoder().feed(b"\xff\xff\xff\xff"))


def test_frames_before_garbage_are_not_lost() -> None:
    decoded = frames.Decoder().feed(frames.encode("good") + b"\0\0\0\x01?")
    assert next(decoded) == "good"
    with pytest.raises(orjson.JSONDecodeError):
        next(decoded)


def test_only_json_makes_a_frame() -> None:
    with pytest.raises(TypeError):
        frames.encode({"set": {1, 2}})
