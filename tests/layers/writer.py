"""A process that appends batches to a layer, and says before each one that it begins.

Its arguments: the location, the folder of files, the layer, its own name, how many batches (0: until killed),
and rows in each.
"""

import sys
from itertools import count

import geopandas as gpd
import numpy as np

from gpserver.layers import Place


def main() -> None:
    location, files, layer, name, batches, rows = sys.argv[1:]
    layers = Place(location, files).open()
    for batch in range(int(batches)) if int(batches) else count():
        points = gpd.points_from_xy(np.arange(int(rows)), np.zeros(int(rows)))
        frame = gpd.GeoDataFrame(
            {"batch": f"{name}{batch}"}, geometry=points, crs=3857, index=range(int(rows))
        )
        print(f"{name}{batch}", flush=True)
        ids = layers.append(layer, frame)
        layers.update(layer, frame.iloc[:1].assign(gid=ids[:1], batch=f"{name}{batch}!"))
    layers.close()


if __name__ == "__main__":
    main()
