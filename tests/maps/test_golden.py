"""Pictures stay as they are: every scene next to the picture of it that somebody looked at.

After a change that is meant, ``GOLDEN=write pytest tests/maps/test_golden.py`` writes them anew; look at it.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from maps.scenes import SCENES
from PIL import Image

GOLDEN = Path(__file__).parent.parent / "golden" / "maps"


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_looks_as_it_did(name: str) -> None:
    rgba, path = SCENES[name]().rgba(), GOLDEN / f"{name}.png"
    if os.environ.get("GOLDEN") == "write":
        Image.fromarray(rgba).save(path, optimize=True)
    wanted = np.asarray(Image.open(path).convert("RGBA"))
    apart = np.abs(rgba.astype(int) - wanted).max(axis=2)
    assert apart.mean() < 0.5
    assert (apart > 32).mean() < 0.005
