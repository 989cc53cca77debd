"""Label expressions over columns."""

import pyarrow as pa
import pytest

from gpserver.errors import InvalidRequest
from gpserver.maps.labeling import expression_of, label_texts

COLUMNS = {"NAME": pa.array(["Rome", None]), "POP": pa.array([3, 4])}


@pytest.mark.parametrize(
    ("expression", "texts"),
    [
        ("[NAME]", ["Rome", ""]),
        ('[NAME] CONCAT " (" CONCAT [POP] CONCAT ")"', ["Rome (3)", " (4)"]),
        ('"no. " & [POP]', ["no. 3", "no. 4"]),
    ],
)
def test_fields_and_texts_are_joined(expression: str, texts: list[str]) -> None:
    assert label_texts(expression, COLUMNS.__getitem__, 2) == texts


@pytest.mark.parametrize("expression", ["", "NAME", "[NAME] [POP", "Round([POP])"])
def test_another_expression_is_refused(expression: str) -> None:
    with pytest.raises(InvalidRequest, match="label expression"):
        label_texts(expression, COLUMNS.__getitem__, 2)


@pytest.mark.parametrize(
    ("label_class", "expression"),
    [
        ({"labelExpression": "[NAME]"}, "[NAME]"),
        ({"labelExpressionInfo": {"expression": "$feature.NAME"}}, "[NAME]"),
        (
            {"labelExpressionInfo": {"expression": '$feature["My field"];'}, "labelExpression": "[B]"},
            "[My field]",
        ),
    ],
)
def test_simple_arcade_is_understood(label_class: dict[str, object], expression: str) -> None:
    assert expression_of(label_class) == expression
