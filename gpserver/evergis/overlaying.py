"""Overlay and union: the objects of two layers cut by each other, those of one united."""

from gpserver.context import JobContext
from gpserver.evergis.bodies import Overlay, Union
from gpserver.evergis.sources import take
from gpserver.evergis.steps import Steps
from gpserver.evergis.targets import Made
from gpserver.tools.counts import counts_of
from gpserver.tools.dissolve import dissolve
from gpserver.tools.overlay import overlay as cut

_OPERATIONS = {
    "union": "union",
    "intersection": "intersection",
    "subtraction": "subtraction",
    "symDifference": "symmetric_difference",
}
_NO_GEOMETRY = "objects have no geometry and were left out."


def overlay(job: JobContext, body: Overlay, steps: Steps) -> Made:
    """Cut the source by the tool layer: see ``gpserver.tools.overlay`` for what pieces there are.

    Pieces have the attributes of both, of a subtraction those of the source; ids are given anew.

    Raises:
        InvalidValue: One of them has no geometry, or a union is of different dimensions.
    """
    taken, tool = take(job, body.source), take(job, body.tool_layer)
    steps.at(0, len(taken.frame))
    found = cut(taken.features, tool.features, _OPERATIONS[body.operation])  # type: ignore[arg-type]
    counts = counts_of(found)
    problems = [f"{counts.lost} {_NO_GEOMETRY}"] if counts.lost else []
    return Made(found, len(taken.frame), counts.lost, problems, taken.like)


def union(job: JobContext, body: Union, steps: Steps) -> Made:
    """Unite objects that share a point, over however many others; what is apart stays apart.

    The united objects have no attributes, since those that they were made of have different ones.

    Raises:
        InvalidValue: The source has no geometry.
    """
    taken = take(job, body.source)
    steps.at(0, len(taken.frame))
    found = dissolve(taken.features, touching=True)
    lost = counts_of(found).lost
    found = found[found.geometry.notna()][[found.active_geometry_name]].reset_index(drop=True)
    problems = [f"{lost} {_NO_GEOMETRY}"] if lost else []
    return Made(found, len(taken.frame), lost, problems, taken.like)
