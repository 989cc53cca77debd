"""Text of XML from columns, as an XML parser reads it back."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from gpserver.features.markup import elements, escaped, escaped_column, sayable, value_texts

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5)


@given(TEXTS)
@example(["a", "<&>\"'\t\n\r", "]]>\x00\x1f\ufffe\uffff𝄞", "", "ok"])
def test_strings_come_back(texts):
    column = escaped_column(pa.array(texts, pa.large_string())).to_pylist()
    for text, written in zip(texts, column, strict=True):
        element = etree.fromstring(f'<a b="{written}">{written}</a>')
        assert (element.text or "") == element.get("b") == sayable(text)
    assert escaped(texts[0]) == column[0]


def test_values_are_elements_and_no_value_is_nothing():
    moment = datetime(2020, 1, 2, 3, 4, 5, 6000, tzinfo=UTC)
    for column, texts in [
        (pa.array([1, None, -3], pa.int64()), ["1", None, "-3"]),
        (pa.array([0.1, float("nan"), None, float("inf")]), ["0.1", None, None, None]),
        (pa.array(["<", None, ""], pa.large_string()), ["&lt;", None, ""]),
        (pa.array([moment, None], pa.timestamp("ms")), ["2020-01-02T03:04:05.006Z", None]),
    ]:
        found = elements("<a>", column, "</a>").to_pylist()
        assert found == ["" if text is None else f"<a>{text}</a>" for text in texts]
        shown = value_texts(column).to_pylist()
        assert [text for text, given in zip(shown, texts, strict=True) if given] == [t for t in texts if t]


@pytest.mark.parametrize("kind", [pa.int16(), pa.int32(), pa.float32(), pa.float64()])
def test_every_kind_of_number_is_written(kind):
    assert elements("<a>", pa.array([1, 2], kind), "</a>").to_pylist()[0] in ("<a>1</a>", "<a>1.0</a>")
