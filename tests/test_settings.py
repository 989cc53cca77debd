"""Settings: where they come from, and what a mistake says."""

from pathlib import Path

import pytest

from gpserver.settings import EXAMPLE_DATA, SHIPPED_SERVICES, Settings, load_settings


def test_the_command_line_wins_over_variables_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "gpserver.toml"
    file.write_text('port = 1\nslots = 3\nhost = "::1"\ndebug = true\n')
    settings = load_settings(
        {"port": 7000, "slots": None}, {"GPSERVER_PORT": "2", "GPSERVER_SLOTS": "5", "HOME": "/"}, file
    )
    assert (settings.port, settings.slots, settings.host, settings.debug) == (7000, 5, "::1", True)


@pytest.mark.parametrize(
    ("text", "places"), [("", ()), (" 10.0.0.0/8, gis.lan ,", ("10.0.0.0/8", "gis.lan"))]
)
def test_a_list_in_a_variable_has_commas(tmp_path: Path, text: str, places: tuple[str, ...]) -> None:
    file = tmp_path / "gpserver.toml"
    file.write_text('fetch_allowed = ["10.0.0.0/8", "gis.lan"]\n')
    assert load_settings({}, {}, file).fetch_allowed == ("10.0.0.0/8", "gis.lan")
    assert load_settings({}, {"GPSERVER_FETCH_ALLOWED": text}, file).fetch_allowed == places


def test_without_any_of_them_there_are_defaults(tmp_path: Path) -> None:
    assert load_settings({}, {}, tmp_path / "none.toml") == Settings()


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"GPSERVER_PROT": "1"}, "There is no setting prot; there are host, port"),
        ({"GPSERVER_PORT": "many"}, "The setting port is not a int: 'many'"),
        ({"GPSERVER_DEBUG": "maybe"}, "The setting debug is not a bool"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, variables: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        load_settings({}, variables, tmp_path / "none.toml")


def test_what_ships_is_there() -> None:
    assert (SHIPPED_SERVICES / "buffer.py").is_file()
    assert (EXAMPLE_DATA / "populated_places.geojson").is_file()
