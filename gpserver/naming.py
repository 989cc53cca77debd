"""Names by Esri's convention, and the names that clients cannot take."""

import keyword
import re

# Request parameters of submitJob and execute; an input of the same name could not be told from them.
RESERVED = frozenset(
    {
        "f",
        "token",
        "callback",
        "jobid",
        "outsr",
        "returnz",
        "returnm",
        "returnmessages",
        "returntype",
        "returntruecurves",
        "returnfeaturecollection",
        "returncolumnname",
        "simplifyfeatures",
        "esri_out_feature_service_name",
        "esri_out_image_service",
    }
)
# ArcGIS API for Python: every tool's function has these arguments and local variables already.
CLIENT_NAMES = frozenset({"gis", "future", "estimate", "kwargs", "param_db", "return_values"})

MAP_NAME = "result_layer"
"""What that client calls the map of a job, among the job's results."""

_BESIDE_TASKS = frozenset({"info", "uploads"})

_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TASK = re.compile(r"[A-Za-z][A-Za-z0-9_]*( [A-Za-z0-9_]+)*")
_SERVICE = re.compile(r"[A-Za-z0-9_]+")


def parameter_name(argument: str) -> str:
    """``input_features`` -> ``Input_Features``; capitals stay: ``input_DEM`` -> ``Input_DEM``."""
    return "_".join(_capital(word) for word in argument.split("_") if word)


def task_name(function: str) -> str:
    """``buffer_points`` -> ``BufferPoints``; a service is named after its file in the same way."""
    return "".join(_capital(word) for word in re.split(r"[_\W]+", function) if word)


def display_name(name: str) -> str:
    """``Input_Features`` -> ``Input Features``, ``BufferPoints`` -> ``Buffer Points``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name.replace("_", " "))
    return " ".join(_capital(word) for word in spaced.split())


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def client_name(name: str) -> str:
    """Give the Python name that the ArcGIS API for Python makes of a task's or parameter's name."""
    name = name.replace(" ", "_")
    if "_" in name:
        return name.lower()
    spaced = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z0-9])([A-Z])", r"\1_\2", spaced).lower()


def parameter_problem(name: str, *, is_input: bool) -> str:
    """Say why a parameter cannot have this name; empty text when it can."""
    if not _PARAMETER.fullmatch(name):
        return f'"{name}" is not a letter followed by letters, digits and underscores.'
    if is_input and name.lower() in RESERVED:
        return f'"{name}" is a request parameter of ArcGIS itself.'
    if keyword.iskeyword(client_name(name)):
        return f'"{name}" becomes the Python keyword "{client_name(name)}" in the ArcGIS API for Python.'
    if client_name(name) in CLIENT_NAMES:
        return f'"{name}" is taken in every tool of the ArcGIS API for Python.'
    return ""


def task_problem(name: str) -> str:
    """Say why a task cannot have this name; empty text when it can."""
    if not _TASK.fullmatch(name):
        return f'"{name}" is not a letter followed by letters, digits, underscores and single blanks.'
    if name in _BESIDE_TASKS:
        return f'"{name}" stands beside the tasks in the URL of every service.'
    if keyword.iskeyword(client_name(name)):
        return f'"{name}" becomes the Python keyword "{client_name(name)}" in the ArcGIS API for Python.'
    return ""


def service_problem(name: str) -> str:
    """Say why a service or folder cannot have this name; empty text when it can."""
    return (
        ""
        if _SERVICE.fullmatch(name)
        else f'"{name}" has characters other than letters, digits and underscores.'
    )


def safe_text(text: str) -> str:
    r"""Neutralise what breaks clients that paste a text into source code.

    The ArcGIS API for Python puts descriptions into a triple-quoted string, where three quotes, and a
    backslash before u, U, N, x or the end, are a syntax error. They become single quotes and ``/``.
    """
    return re.sub(r"\\(?=[uUNx]|\Z)", "/", text.replace('"""', "'''"))


def safe_label(text: str) -> str:
    """Neutralise a label, which the same client puts in double quotes on one line."""
    return " ".join(text.replace('"', "'").replace("\\", "/").split())


def breaks_source(text: str) -> bool:
    """Whether a text default would be a syntax error in the ArcGIS API for Python."""
    return safe_text(text) != text or text.endswith('"')
