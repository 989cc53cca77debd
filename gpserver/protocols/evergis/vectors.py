"""Vector tiles of layers."""

import re

from starlette.responses import Response

from gpserver.errors import NotFound
from gpserver.protocols.evergis.asking import ask_bytes
from gpserver.protocols.evergis.wire import Call, Routes

_NUMBER = re.compile(r"\d{1,10}", re.ASCII)
_DEEPEST = 30  # levels
_MEDIA_TYPE = "application/vnd.mapbox-vector-tile"


async def tile(call: Call) -> Response:
    """``GET /vt/{name}/{z}/{x}/{y}.pbf``: XYZ of Web Mercator; no bytes where there is nothing.

    Raises:
        NotFound: There is no such layer, or no such tile in the world.
    """
    texts = [call.part("z"), call.part("x"), call.part("y")]
    if not all(map(_NUMBER.fullmatch, texts)):
        raise NotFound("A tile is /vt/{name}/{z}/{x}/{y}.pbf.")
    z, x, y = map(int, texts)
    if z > _DEEPEST or max(x, y) >= 1 << z:
        raise NotFound(f"There is no tile {z}/{x}/{y}: z goes to {_DEEPEST}, x and y to 2^z - 1.")
    return await ask_bytes(call, "vector_tiles:tile", _MEDIA_TYPE, name=call.part("name"), z=z, x=x, y=y)


ROUTES: Routes = ((("GET",), "/vt/{name}/{z}/{x}/{y}.pbf", tile),)
