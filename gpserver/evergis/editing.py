"""EditAttributes: the values of one attribute, calculated for objects that are there."""

from collections.abc import Iterator
from typing import Any

from pandas import DataFrame, Series

from gpserver.context import JobContext
from gpserver.eql import read_condition, read_expression
from gpserver.errors import Conflict, InvalidValue
from gpserver.evergis.bodies import EditAttributes
from gpserver.evergis.sources import configured
from gpserver.evergis.steps import Steps
from gpserver.evergis.storages import ConfiguredLayerStorage, TableStorage
from gpserver.evergis.targets import BATCH
from gpserver.layers import Attribute, LayerInfo
from gpserver.layers.columns import inferred_type
from gpserver.layers.views import table_of


def edit_attributes(job: JobContext, body: EditAttributes, steps: Steps) -> DataFrame:
    """Calculate an attribute of the objects that meet the condition; the others keep what they have.

    A new attribute of the type ``Unknown`` gets the type of what was calculated. Values that do not fit the
    type of an attribute are an error, and nothing is written of the batch that they are in.

    Returns:
        The objects as they are now.

    Raises:
        NotFound: There is no such layer or table.
        Conflict: The new attribute is there already.
        InvalidValue: There is no such attribute, it is the id or the geometry, or an expression is wrong.
    """
    target = body.target
    info = job.layers.find(target.table_name if isinstance(target, TableStorage) else target.service_name)
    _refuse_own(info, body)
    expression, condition = read_expression(body.edit_expression), read_condition(body.condition)
    frame = _operands(job, info, body, {*expression.names, *condition.names})
    frame = frame[condition.mask(frame)]
    values = expression.values(frame)
    if body.create_new_attribute:
        _add(job, info, body, values)
    rows = DataFrame({info.id_attribute: frame[info.id_attribute], body.attribute: values})
    batches = list(_batches(rows))
    for number, batch in enumerate(batches):
        steps.at(number * BATCH, len(rows))
        job.layers.update(info.name, batch)
    written: DataFrame = job.layers.read(info.name, ids=rows[info.id_attribute])
    steps.end(len(rows), len(rows), batches=len(batches))
    return written


def _operands(job: JobContext, info: LayerInfo, body: EditAttributes, names: set[str]) -> DataFrame:
    """The ids of all objects, with the attributes that are asked for."""
    if not isinstance(body.target, ConfiguredLayerStorage):
        frame: DataFrame = job.layers.read(info.name, names)
        return frame
    frame = job.layers.read(info.name)
    ids = {info.id_attribute: frame[info.id_attribute]}
    return configured(frame, body.target.attributes_configuration).assign(**ids)


def _refuse_own(info: LayerInfo, body: EditAttributes) -> None:
    if body.attribute in (info.id_attribute, info.geometry_attribute):
        raise InvalidValue(f"attribute: {body.attribute} is the id or the geometry of {info.name}.")
    if not body.create_new_attribute:
        info.attribute(body.attribute)
    elif body.attribute.lower() in (name.lower() for name in info.names):
        raise Conflict(f"attribute: {info.name} already has an attribute {body.attribute}.")


def _add(job: JobContext, info: LayerInfo, body: EditAttributes, values: "Series[Any]") -> None:
    kind = body.attribute_type
    kind = inferred_type(body.attribute, values) if kind == "Unknown" else kind
    # A layer that shows a table gets it after the table, which may have it already.
    for name in dict.fromkeys((table_of(info), info.name)):
        found = job.layers.find(name)
        if body.attribute not in found.names:
            job.layers.change(name, attributes=(*found.attributes, Attribute(body.attribute, kind)))


def _batches(rows: DataFrame) -> Iterator[DataFrame]:
    return (rows.iloc[start : start + BATCH] for start in range(0, len(rows), BATCH))
