"""Roads: the named layers that networks are made of, by convention of their names."""

from gpserver.tools.network import Network


def roads_of(layers: object, provider: str, *, by: str = "time") -> Network:
    """The network of ``networks.<provider>``, else of ``networks.walk`` or ``networks.car``.

    A provider whose name speaks of walking (sp_walk, osrm_walk, pedestrian) goes at 5 km/h both ways.

    Raises:
        NotFound: There is no such layer; the text says how to publish one.
    """
    raise NotImplementedError
