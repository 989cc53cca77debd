"""Processes that share a data folder: each has a home, and nothing of the dead stays."""

import os
import subprocess
import sys
import time
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


def test_homes_of_machines_that_were_silent_for_long_go(tmp_path: Path) -> None:
    week = 7 * 86_400
    ages = {"gone-6080": week + 3600, "gone-pid7": 2 * week, "away-6080": week - 3600, "away-pid7": 3600}
    for name, age in ages.items():
        (tmp_path / "nodes" / name / "jobs").mkdir(parents=True)
        lock = tmp_path / "nodes" / name / "engine.lock"
        lock.touch()
        os.utime(lock, (time.time() - age,) * 2)
    (tmp_path / "nodes" / "coming-6080").mkdir()
    mine = home_of(tmp_path, shared=True)
    with occupied(tmp_path / "nodes" / "frozen-6080"):
        os.utime(tmp_path / "nodes" / "frozen-6080" / "engine.lock", (0, 0))
        with occupied(mine):
            names = {path.name for path in mine.parent.iterdir()}
    assert names == {mine.name, "away-6080", "away-pid7", "coming-6080", "frozen-6080"}
    os.utime(mine / "engine.lock", (0, 0))
    with occupied(mine):
        assert time.time() - (mine / "engine.lock").stat().st_mtime < 3600, "whoever comes back is not silent"
