"""Whatever a client sends, a data type gives a value that can be written, or an ``InvalidValue``."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gpserver.datatypes import KINDS, data_type
from gpserver.errors import InvalidValue

MEMBERS = ["distance", "units", "area", "date", "format", "url"]
MEMBERS += ["features", "geometry", "attributes", "x", "rings", "geometryType", "fields"]
SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(MEMBERS) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = [kind.name for kind in KINDS]


@given(
    st.sampled_from([*NAMES, *(f"GPMultiValue:{name}" for name in NAMES)]),
    DOCUMENTS | DOCUMENTS.map(json.dumps) | st.text() | st.binary(),
)
def test_any_value(name: str, value: Any) -> None:
    kind = data_type(name)
    try:
        found = kind.decode(value)
    except InvalidValue:
        return
    if found is not None and "RecordSet" not in name:
        kind.encode(found)
