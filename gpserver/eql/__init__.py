"""EverGIS' query languages: expressions over attributes (the first), SELECT over layers (the second)."""

from gpserver.eql.expression import Expression, read_condition, read_expression
from gpserver.eql.functions import Function, functions
from gpserver.eql.run import Table, run_select
from gpserver.eql.select import Select, read_select, read_where

__all__ = [
    "Expression",
    "Function",
    "Select",
    "Table",
    "functions",
    "read_condition",
    "read_expression",
    "read_select",
    "read_where",
    "run_select",
]
