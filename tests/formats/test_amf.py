"""AMF3, decoded by Py3AMF, and what there is without it."""

import subprocess
import sys

import pytest
from features.frames import frame_of, stored

from gpserver.errors import InvalidRequest
from gpserver.features import Selection, esri_json
from gpserver.formats import JSONText, Resource, format_for, names_for

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Py3AMF's own
pyamf = pytest.importorskip("pyamf", reason="needs the extra amf")


def decoded(value):
    resource = Resource(value)
    body = format_for("amf", resource)(resource)
    assert body.media_type == "application/x-amf"
    [result] = pyamf.decode(b"".join(body.content), encoding=pyamf.AMF3)
    return result


@pytest.mark.parametrize(
    "value",
    [
        {"paramName": "Text", "dataType": "GPString", "value": "ü ☃ 𝄞"},
        {"numbers": [0, -1, 2**28 - 1, 2**28, -(2**28), -(2**28) - 1, 2**53, 0.1, -1e300]},
        {"nothing": None, "flags": [True, False], "empty": [[], {}, ""], "1": "one"},
        [{"a": 1}, {"a": 1}, "a", "a"],
    ],
)
def test_values_come_back(value):
    assert decoded(value) == value


def test_features_come_back(tmp_path):
    selection = Selection(stored(frame_of("POINT (1 2)", None, name=["a", None]), tmp_path))
    value = decoded({"paramName": "Out", "value": JSONText(esri_json.write(selection))})["value"]
    assert value["features"] == [
        {"attributes": {"OBJECTID": 1, "name": "a"}, "geometry": {"x": 1, "y": 2}},
        {"attributes": {"OBJECTID": 2, "name": None}, "geometry": None},
    ]


def test_a_member_without_a_name_gets_one():
    assert decoded({"": 1, "a": {"": 2}}) == {"_": 1, "a": {"_": 2}}


def test_it_is_a_format_of_everything():
    assert names_for(Resource({}))[-1] == "amf"


def test_without_the_extra_it_is_not_supported():
    code = """
import sys
sys.modules["pyamf"] = None
from gpserver.errors import InvalidRequest
from gpserver.formats import Resource, format_for
try:
    format_for("amf", Resource({}))
except InvalidRequest as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Output format not supported: amf. Use one of html, json, pjson.")


def test_other_names_are_not_supported():
    with pytest.raises(InvalidRequest, match="Output format not supported: amf3"):
        format_for("amf3", Resource({}))
