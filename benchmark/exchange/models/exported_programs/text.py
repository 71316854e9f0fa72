"""The text in a program of torch.export: what each may be, so that none of it is run as Python.

torch writes Python of names, of attributes such as weights, and of the expressions of sizes; it imports modules that a
description of nested inputs names, and calls operators by name. So text is refused unless its key is known, or it holds
nothing by which it could be code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

OPERATORS = re.compile(
    r"torch\.ops\.(aten|prims?|quantized|quantized_decomposed|torchvision)\.[A-Za-z]\w*\.\w+"
    r"|(_operator|math)\.[a-z]\w*|torch\.sym_[a-z]\w*|torch\._sym_[a-z]+|torch\.ops\.higher_order\.(cond|wrap_with_(set_grad_enabled|autocast))"
    r"|torch\._assert_tensor_metadata|torch\.ops\.aten\._assert_tensor_metadata\.default"
)
FORBIDDEN = re.compile(r"(from_file|_save|\.save|load_library|attrgetter|methodcaller|call)\b")
EXPRESSION = re.compile(r"[\w\s+\-*/%(),.<>=!&|~']*")
WORDS = re.compile(
    r"[suz]\w?\d+|Symbol|Integer|Float|Rational|Add|Mul|Pow|Max|Min|Mod|Eq|Ne|Lt|Le|Gt|Ge|And|Or|Not|floor|ceiling|Abs"
    r"|FloorDiv|PythonMod|CleanDiv|CeilDiv|CeilToInt|FloorToInt|ModularIndexing|Where|TrunctToInt|TruncToInt|IntTrueDiv"
    r"|positive|negative|nonnegative|integer|real|finite|True|False|oo|int_oo|e\d*"
)
NAME = re.compile(r"[\w.]*")
PLAIN = re.compile(r"[\w .:/+@*-]*")  # ends no string, and calls nothing
PYTHONS = re.compile(r"(^|\.)__\w*__(\.|$)")  # attributes of Python's own, which lead from a network to anything
NESTED = {"builtins.tuple", "builtins.list", "builtins.dict"}


def foreign(program: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield text that has another form than its key asks for.

    Args:
        program: A program, as `json.loads` returns it.
    """
    waiting: list[tuple[str, Any]] = [("", program)]
    while waiting:
        key, item = waiting.pop()
        if isinstance(item, Mapping):
            yield from (name for name in item if not (is_plain(name) or _expression(name)))
            waiting += item.items()
        elif isinstance(item, list):
            waiting += ((key, each) for each in item)
        elif isinstance(item, str) and not FORMS.get(key, is_plain)(item):
            yield item


def _operator(name: str) -> bool:
    return bool(OPERATORS.fullmatch(name)) and "__" not in name and not FORBIDDEN.search(name)


def _expression(text: str) -> bool:
    words = re.findall(r"[^\W\d]\w*", text)
    return (
        bool(EXPRESSION.fullmatch(text)) and all(map(WORDS.fullmatch, words)) and not re.search(r"\.\s*[^\W\d]", text)
    )


def _name(text: str) -> bool:
    return bool(NAME.fullmatch(text)) and not PYTHONS.search(text)


def is_plain(text: str) -> bool:
    """Whether text may name a weight, or stand where torch writes nothing of it."""
    return bool(PLAIN.fullmatch(text)) and not PYTHONS.search(text)


def _free(text: str) -> bool:
    return True


def _inputs(text: str) -> bool:
    return _nested(text, _name)


def _outputs(text: str) -> bool:
    return _nested(text, is_plain)


def _nested(text: str, keys: Callable[[str], bool]) -> bool:
    """Whether inputs or outputs are nested in tuples, lists and dictionaries with such keys only."""
    try:
        _, top = json.loads(text)  # read as torch reads it: JSON may write any character as \u....
        waiting = [top]
        while waiting:
            part = waiting.pop()
            context = json.loads(part["context"] or "null")
            names = [] if context is None else context
            if part["type"] is not None and part["type"] not in NESTED:
                return False
            if not isinstance(names, list) or not all(type(name) is int or keys(name) for name in names):
                return False
            waiting += part["children_spec"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return False
    return True


#: Key in a program -> what its text must be; `is_plain` for all others.
FORMS: Mapping[str, Callable[[str], bool]] = {
    "target": _operator,
    "as_operator": _operator,
    "expr_str": _expression,
    "name": _name,
    "as_name": _name,
    "forward_arg_names": _name,
    "in_spec": _inputs,
    "out_spec": _outputs,
    # arguments of operators, which torch writes quoted
    "as_string": _free,
    "as_strings": _free,
    # what torch keeps of where a program comes from
    **dict.fromkeys(("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "custom", "from_node"), _free),
    # left out before torch would make a function of it
    "guards_code": _free,
}
