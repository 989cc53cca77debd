import pytest

from gpserver import naming


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        ("input_features", "Input_Features"),
        ("distance", "Distance"),
        ("input_DEM", "Input_DEM"),
        ("inputFeatures", "InputFeatures"),
        ("epsg_4326", "Epsg_4326"),
        ("x2", "X2"),
        ("_private_", "Private"),
        ("out__size", "Out_Size"),
    ],
)
def test_parameters_are_named_as_esri_does(argument: str, name: str) -> None:
    assert naming.parameter_name(argument) == name


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("buffer_points", "BufferPoints"),
        ("buffer", "Buffer"),
        ("read_DEM_2d", "ReadDEM2d"),
        ("my-file", "MyFile"),
        ("proximity", "Proximity"),
    ],
)
def test_tasks_and_services_are_named_as_esri_does(function: str, name: str) -> None:
    assert naming.task_name(function) == name


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Input_Features", "Input Features"),
        ("BufferPoints", "Buffer Points"),
        ("ReadDEM", "Read DEM"),
        ("DEMToTIN", "DEM To TIN"),
        ("Buffer2d", "Buffer2d"),
        ("output_features", "Output Features"),
        ("911Calls", "911 Calls"),
    ],
)
def test_labels(name: str, label: str) -> None:
    assert naming.display_name(name) == label


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain \\d+", "plain \\d+"),
        ("C:\\users\\Nora\\x", "C:/users/Nora/x"),
        ('say """hello"""', "say '''hello'''"),
        ("ends in \\", "ends in /"),
    ],
)
def test_descriptions_are_safe_inside_a_python_string(text: str, safe: str) -> None:
    assert naming.safe_text(text) == safe
    compile(f'"""{naming.safe_text(text)}\n"""'.replace("\\d", ""), "client", "exec")


def test_labels_are_safe_inside_a_python_string() -> None:
    assert naming.safe_label('The "best"\nroute \\ way') == "The 'best' route / way"


@pytest.mark.parametrize("name", ["info", "uploads"])
def test_a_task_that_its_url_would_not_reach(name: str) -> None:
    assert "in the URL of every service" in naming.task_problem(name)
    assert naming.task_problem(name.title()) == ""
