"""The operators and functions there are, by the node of the syntax tree that stands for them."""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow.compute as pc
from sqlglot import exp

from gpserver.maps.sql import casts, functions, operators
from gpserver.maps.sql.terms import Kind, Term


def _numeric(kernel: Any, fails: bool = True) -> Callable[..., Term]:
    return functions.function(Kind.REAL, Kind.REAL, kernel, fails)


# Node type: the names of its arguments (a list counts as many), and the rule that makes a term of them.
RULES: Mapping[type[exp.Expression], tuple[tuple[str, ...], Callable[..., Term]]] = {
    exp.Not: (("this",), operators.negation),
    exp.EQ: (("this", "expression"), operators.comparison(pc.equal)),
    exp.NEQ: (("this", "expression"), operators.comparison(pc.not_equal)),
    exp.LT: (("this", "expression"), operators.comparison(pc.less)),
    exp.LTE: (("this", "expression"), operators.comparison(pc.less_equal)),
    exp.GT: (("this", "expression"), operators.comparison(pc.greater)),
    exp.GTE: (("this", "expression"), operators.comparison(pc.greater_equal)),
    exp.Between: (("this", "low", "high"), operators.between),
    exp.Is: (("this", "expression"), operators.is_null),
    exp.Add: (("this", "expression"), operators.arithmetic(pc.add_checked, days=1)),
    exp.Sub: (("this", "expression"), operators.arithmetic(pc.subtract_checked, days=-1)),
    exp.Mul: (("this", "expression"), operators.arithmetic(pc.multiply_checked)),
    exp.Div: (("this", "expression"), operators.arithmetic(pc.divide_checked)),
    exp.Mod: (("this", "expression"), operators.arithmetic(functions.remainder)),
    exp.Neg: (("this",), operators.negative),
    exp.DPipe: (("this", "expression"), functions.concatenation("emit_null")),
    exp.Concat: (("expressions",), functions.concatenation("replace")),
    exp.Lower: (("this",), functions.function(Kind.TEXT, Kind.TEXT, pc.utf8_lower)),
    exp.Upper: (("this",), functions.function(Kind.TEXT, Kind.TEXT, pc.utf8_upper)),
    exp.Length: (("this",), functions.function(Kind.TEXT, Kind.INTEGER, pc.utf8_length)),
    exp.Substring: (("this", "start", "length"), functions.substring),
    exp.StrPosition: (("this", "substr"), functions.position),
    exp.Abs: (("this",), functions.same_number(pc.abs_checked, fails=True)),
    exp.Ceil: (("this",), functions.same_number(pc.ceil)),
    exp.Floor: (("this",), functions.same_number(pc.floor)),
    exp.Sign: (("this",), functions.same_number(pc.sign)),
    exp.Round: (("this", "decimals"), functions.rounded("half_towards_infinity")),
    exp.Trunc: (("this", "decimals"), functions.rounded("towards_zero")),
    exp.Pow: (("this", "expression"), _numeric(pc.power_checked)),
    exp.Sqrt: (("this",), _numeric(pc.sqrt_checked)),
    exp.Ln: (("this",), _numeric(pc.ln_checked)),
    exp.Log: (("this", "expression"), functions.logarithm),
    exp.Exp: (("this",), _numeric(pc.exp)),
    exp.Sin: (("this",), _numeric(pc.sin_checked)),
    exp.Cos: (("this",), _numeric(pc.cos_checked)),
    exp.Tan: (("this",), _numeric(pc.tan_checked)),
    exp.Asin: (("this",), _numeric(pc.asin_checked)),
    exp.Acos: (("this",), _numeric(pc.acos_checked)),
    exp.Atan: (("this",), _numeric(pc.atan, fails=False)),
    exp.Coalesce: (("this", "expressions"), functions.coalesce),
    exp.Nullif: (("this", "expression"), functions.null_if),
    exp.CurrentDate: ((), casts.today),
    exp.CurrentTimestamp: ((), casts.now),
}
