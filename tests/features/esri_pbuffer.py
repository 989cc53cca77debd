"""Esri's FeatureCollectionPBuffer, read by Google's library: a second opinion on what we write by columns."""

from itertools import accumulate
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# Message by message: number, type (a list of it in brackets) and name of each field. As proto2, where a field
# that was not written differs from one that is 0.
SCHEMA = {
    "SpatialReference": {1: "uint32 wkid", 2: "uint32 latestWkid", 5: "string wkt"},
    "Field": {1: "string name", 2: "int32 fieldType", 3: "string alias", 4: "int32 sqlType"},
    "Value": {
        1: "string text",
        2: "float single",
        3: "double double",
        4: "sint32 integer",
        8: "sint64 long",
    },
    "Geometry": {2: "[uint32] lengths", 3: "[sint64] coords"},
    "Feature": {1: "[Value] attributes", 2: "Geometry geometry"},
    "UniqueIdField": {1: "string name", 2: "bool isSystemMaintained"},
    "Quad": {1: "double x", 2: "double y", 3: "double m", 4: "double z"},
    "Transform": {1: "int32 quantizeOriginPostion", 2: "Quad scale", 3: "Quad translate"},
    "FeatureResult": {
        1: "string objectIdFieldName",
        2: "UniqueIdField uniqueIdField",
        7: "int32 geometryType",
        8: "SpatialReference spatialReference",
        9: "bool exceededTransferLimit",
        10: "bool hasZ",
        11: "bool hasM",
        12: "Transform transform",
        13: "[Field] fields",
        15: "[Feature] features",
    },
    "CountResult": {1: "uint64 count"},
    "ObjectIdsResult": {1: "string objectIdFieldName", 3: "[uint64] objectIds"},
    "Envelope": {
        1: "double xmin",
        2: "double ymin",
        3: "double xmax",
        4: "double ymax",
        5: "SpatialReference spatialReference",
    },
    "ExtentCountResult": {1: "Envelope extent", 2: "uint64 count"},
    "QueryResult": {
        1: "FeatureResult featureResult",
        2: "CountResult countResult",
        3: "ObjectIdsResult idsResult",
        4: "ExtentCountResult extentCountResult",
    },
    "FeatureCollectionPBuffer": {1: "string version", 2: "QueryResult queryResult"},
}


def read(text: bytes) -> Any:
    """The queryResult of an answer; it must hold nothing that the schema does not know."""
    answer = parse(text)
    assert answer.version
    known = answer.SerializeToString()
    answer.DiscardUnknownFields()
    assert answer.SerializeToString() == known
    return answer.queryResult


def parse(text: bytes) -> Any:
    """An answer of whatever server, as it is."""
    answer = _reader()()
    answer.ParseFromString(text)
    return answer


def features(text: bytes) -> list[dict[str, Any]]:
    """The features of an answer as in Esri JSON, coordinates as they are on the ground."""
    result = read(text).featureResult
    names = [field.name for field in result.fields]
    rows = []
    for feature in result.features:
        attributes = dict(zip(names, map(_value, feature.attributes), strict=True))
        geometry = {"geometry": None} if result.HasField("transform") else {}
        if feature.HasField("geometry"):
            geometry = {"geometry": _geometry(result, feature.geometry)}
        rows.append({"attributes": attributes} | geometry)
    return rows


def _value(value: Any) -> Any:
    fields = value.ListFields()
    assert len(fields) <= 1
    return fields[0][1] if fields else None


def _geometry(result: Any, geometry: Any) -> dict[str, Any]:
    axes = ["x", "y", *["z"] * result.hasZ, *["m"] * result.hasM]
    numbers = [list(geometry.coords[n :: len(axes)]) for n in range(len(axes))]
    lengths = list(geometry.lengths) or [1]
    scale, translate = result.transform.scale, result.transform.translate
    upper = result.transform.quantizeOriginPostion == 0
    parts, first = [], 0
    for length in lengths:
        columns = []
        for axis, column in zip(axes, numbers, strict=True):
            cells = column[first : first + length]
            cells = list(accumulate(cells)) if axis in "xy" else cells
            factor = getattr(scale, axis) * (-1 if axis == "y" and upper else 1)
            columns.append([cell * factor + getattr(translate, axis) for cell in cells])
        parts.append([list(vertex) for vertex in zip(*columns, strict=True)])
        first += length
    assert first == len(numbers[0])
    if result.geometryType == 0:
        return dict(zip(axes, parts[0][0], strict=True))
    key = ("points", "paths", "rings")[result.geometryType - 1]
    return {key: parts[0] if key == "points" else parts}


def _reader() -> Any:
    types = descriptor_pb2.FieldDescriptorProto.Type
    file = descriptor_pb2.FileDescriptorProto(name="esri.proto", package="esri")
    for name, fields in SCHEMA.items():
        message = file.message_type.add(name=name)
        for number, text in fields.items():
            kind, label = text.split()
            field = message.field.add(name=label, number=number, label="LABEL_OPTIONAL")
            if kind.startswith("["):
                field.label = "LABEL_REPEATED"
                field.options.packed = kind in ("[uint32]", "[sint64]", "[uint64]")
            kind = kind.strip("[]")
            if kind in SCHEMA:
                field.type, field.type_name = types.TYPE_MESSAGE, f".esri.{kind}"
            else:
                field.type = types.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("esri.FeatureCollectionPBuffer"))
