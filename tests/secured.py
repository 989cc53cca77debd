"""Servers with users: ann and bob are planners, eve is nobody in particular, root administers."""

from pathlib import Path

import argon2
from conftest import Server, start
from gpclient import Client

# As weak as may be, for speed; each user's password is the name backwards.
QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ROLES = {"ann": ["planners"], "bob": ["planners"], "eve": [], "root": ["administrators"]}

ECHO = """
from gpserver import task


@task(output="said")
def echo(text: str = "") -> str:
    \"\"\"Say it again.\"\"\"
    return text
"""
SECRET = """
import time
from pathlib import Path

import geopandas as gpd
from shapely import Point

from gpserver import JobContext, Points, Service, task


@task(output="said")
def echo_secret(text: str = "") -> str:
    \"\"\"Say it again.\"\"\"
    return text


@task(output="file")
def write(job: JobContext, text: str = "") -> Path:
    \"\"\"Write it down.\"\"\"
    (job.scratch / "note.txt").write_text(text)
    return job.scratch / "note.txt"


@task(output="place")
def mark(x: float = 0, y: float = 0) -> Points:
    \"\"\"Mark a place.\"\"\"
    return gpd.GeoDataFrame({"name": ["here"]}, geometry=[Point(x, y)], crs=4326)


@task(output="slept")
def nap(seconds: float = 60) -> float:
    \"\"\"Take a nap.\"\"\"
    time.sleep(seconds)
    return seconds


jobs = Service("Secret", tasks=[echo_secret, write, mark, nap], result_map_service=True)
calls = Service("SecretSync", tasks=[echo_secret], synchronous=True)
"""


def toml(**settings: str) -> str:
    """A gpserver.toml with the users, and where planners alone may go."""
    lines = [f'{name} = "{value}"' for name, value in settings.items()]
    for name, roles in ROLES.items():
        lines += [f"[users.{name}]", f'password = "{QUICK.hash(name[::-1])}"', f"roles = {roles}"]
    return "\n".join([*lines, "[access]", 'Secure = ["planners"]', 'Secrue = ["planners"]', ""])


def write_services(folder: Path) -> Path:
    """Public/Echo for everybody; in the folder Secure, Secret and SecretSync."""
    (folder / "Secure").mkdir(parents=True)
    (folder / "public.py").write_text(ECHO)
    (folder / "Secure/secret.py").write_text(SECRET)
    return folder


def start_secured(folder: Path, **settings: str) -> Server:
    """A server with those users and services."""
    (folder / "gpserver.toml").write_text(toml(trusted_origins="https://trusted.example", **settings))
    return start(folder, write_services(folder / "services"))


def token_of(client: Client, name: str, /, **asked: object) -> str:
    """A new token of a user."""
    place = f"{client.url}/arcgis/tokens/generateToken"
    answer = client.post(place, username=name, password=name[::-1], **asked)
    return str(answer["token"])
