"""Processes that share a data folder: each has a home, and nothing of the dead stays."""

import subprocess
import sys
from pathlib import Path

import pytest

from gpserver.home import DataFolderBusy, home_of, occupied


def test_a_home_is_one_process_alone(tmp_path: Path) -> None:
    home = home_of(tmp_path, shared=True, port=6080)
    with occupied(home), pytest.raises(DataFolderBusy, match="Another gpserver works on"), occupied(home):
        pass
    with occupied(home):
        (home / "kept").touch()
    with occupied(home):
        assert (home / "kept").exists(), "whoever listens there next tidies up himself"


def test_whose_data_folder_it_is_alone_lives_in_it(tmp_path: Path) -> None:
    assert home_of(tmp_path, shared=False, port=6080) == tmp_path


def test_what_the_dead_left_goes_and_the_living_keep_theirs(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from gpserver.home import home_of, occupied
with occupied(home_of(Path(sys.argv[1]), shared=True)):
    print("here", flush=True)
    time.sleep(60)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    others = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for other in others:
        assert other.stdout
        assert other.stdout.readline() == "here\n"
    dead, living = others
    dead.kill()
    dead.wait()
    with occupied(home_of(tmp_path, shared=True)):
        names = [path.name for path in (tmp_path / "nodes").iterdir()]
    assert not any(name.endswith(f"pid{dead.pid}") for name in names)
    assert any(name.endswith(f"pid{living.pid}") for name in names)
    living.kill()
    living.wait()
    for other in others:
        assert other.stdout
        other.stdout.close()
