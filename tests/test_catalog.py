import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from gpserver import Service, task
from gpserver.catalog import Catalog
from gpserver.errors import NotFound, PublishingError
from gpserver.publishing import task_of

HELLO = '''
"""Says hello."""
from gpserver import task

@task
def say_hello(name: str) -> str:
    return "hello " + name
'''
NAME_MORE = "name the folder and the service."
CURE = "Correct the file; saving it loads it again."


class Folder:
    """A services folder that a test writes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, text: str) -> Path:
        """Write a file so that its edit is seen at once, however coarse the clock of the file system is."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.stat().st_mtime_ns if file.exists() else 0
        file.write_text(dedent(text), "utf-8")
        if file.stat().st_mtime_ns <= before:
            os.utime(file, ns=(before + 1, before + 1))
        return file

    def remove(self, path: str) -> None:
        (self.root / path).unlink()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "services")


def names(catalog: Catalog, folder: str = "") -> list[str]:
    return [service.full_name for service in catalog.services(folder)]


def greet(catalog: Catalog, full_name: str = "Hello") -> str:
    return str(catalog.task(full_name, "SayHello").function("Ann"))


# What a file publishes


def test_a_file_is_a_service_named_after_it(folder: Folder) -> None:
    folder.write("say_things.py", HELLO)
    service = Catalog(folder.root).service("SayThings")
    assert (service.name, service.folder, service.description) == ("SayThings", "", "Says hello.")
    assert [item.name for item in service.tasks] == ["SayHello"]
    assert not service.synchronous


def test_a_service_statement_decides(folder: Folder) -> None:
    folder.write(
        "hello.py",
        HELLO + 'here = Service("Greeter", synchronous=True, description="Mine.", maximum_records=5)',
    )
    folder.write("hello.py", "from gpserver import Service\n" + (folder.root / "hello.py").read_text())
    catalog = Catalog(folder.root)
    assert names(catalog) == ["Greeter"]
    service = catalog.service("Greeter")
    assert (service.synchronous, service.description, service.maximum_records) == (True, "Mine.", 5)


def test_one_function_in_several_services(folder: Folder) -> None:
    text = "from gpserver import Service\n" + HELLO
    folder.write("hello.py", text + 'a = Service("A")\nothers = [Service("B", synchronous=True), Service()]')
    catalog = Catalog(folder.root)
    assert names(catalog) == ["A", "B", "Hello"]
    assert catalog.task("A", "SayHello") is catalog.task("B", "SayHello")
    service, found = catalog.unique_task("sayhello")
    assert (service.name, found.name) == ("A", "SayHello")


def test_tasks_stand_in_the_order_of_the_file(folder: Folder) -> None:
    functions = "".join(f"@task\ndef {name}() -> None: ...\n" for name in ("zebra", "ant", "mole"))
    folder.write("zoo.py", "from gpserver import Service, task\n" + functions + "again = ant")
    assert [item.name for item in Catalog(folder.root).service("Zoo").tasks] == ["Zebra", "Ant", "Mole"]
    folder.write(
        "zoo.py", "from gpserver import Service, task\n" + functions + "some = Service(tasks=[mole, ant])"
    )
    assert [item.name for item in Catalog(folder.root).service("Zoo").tasks] == ["Mole", "Ant"]


def test_a_sub_folder_is_an_arcgis_folder(folder: Folder) -> None:
    folder.write("hello.py", HELLO)
    folder.write("Demo/hello.py", HELLO)
    folder.write("Demo/Deeper/hello.py", HELLO)
    folder.write("_hidden/hello.py", HELLO)
    folder.write(".git/hello.py", HELLO)
    folder.write("__pycache__/hello.py", HELLO)
    folder.write("_hidden.py", HELLO)
    folder.write(".hidden.py", HELLO)
    folder.write("notes.txt", "no code")
    catalog = Catalog(folder.root)
    assert catalog.folders() == ["Demo"]
    assert names(catalog) == ["Hello"]
    assert names(catalog, "Demo") == names(catalog, "demo") == ["Demo/Hello"]
    assert catalog.errors == {}


def test_modules_have_names_of_their_own(folder: Folder) -> None:
    text = HELLO + "from dataclasses import dataclass\n@dataclass\nclass Answer:\n    text: str\n"
    folder.write("hello.py", text)
    folder.write("Demo/hello.py", text)
    catalog = Catalog(folder.root)
    modules = {catalog.task(name, "SayHello").function.__module__ for name in ("Hello", "Demo/Hello")}
    assert len(modules) == 2
    assert modules <= sys.modules.keys()
    assert str(folder.root) not in sys.path


# Look-ups


def test_names_are_found_in_any_case(folder: Folder) -> None:
    folder.write("Demo/hello.py", HELLO)
    catalog = Catalog(folder.root)
    assert catalog.service("demo/HELLO") is catalog.service("Demo/Hello") is catalog.unique_service("hello")
    assert catalog.task("demo/hello", "say hello").name == "SayHello"


@pytest.mark.parametrize(
    ("look_up", "text"),
    [
        (lambda catalog: catalog.service("Nothing"), "There is no service Nothing."),
        (lambda catalog: catalog.task("Nothing", "SayHello"), "There is no service Nothing."),
        (
            lambda catalog: catalog.task("A/Hello", "Nothing"),
            "There is no task Nothing in the service A/Hello.",
        ),
        (lambda catalog: catalog.unique_service("Nothing"), "There is no service Nothing."),
        (lambda catalog: catalog.unique_task("Nothing"), "There is no task Nothing."),
        (lambda catalog: catalog.unique_service("Hello"), f"There are 2 of service Hello; {NAME_MORE}"),
        (lambda catalog: catalog.unique_task("SayHello"), f"There are 2 of task SayHello; {NAME_MORE}"),
    ],
)
def test_what_is_not_there(folder: Folder, look_up: Callable[[Catalog], object], text: str) -> None:
    folder.write("A/hello.py", HELLO)
    folder.write("B/hello.py", HELLO)
    with pytest.raises(NotFound) as raised:
        look_up(Catalog(folder.root))
    assert str(raised.value) == text


def test_a_service_outside_of_folders_has_the_short_name(folder: Folder) -> None:
    folder.write("hello.py", HELLO)
    folder.write("A/hello.py", HELLO)
    assert Catalog(folder.root).unique_service("Hello").folder == ""


def test_a_folder_that_is_not_there_publishes_nothing(tmp_path: Path) -> None:
    assert Catalog(tmp_path / "missing").services() == []


# Reloading


def test_an_edited_file_is_served_after_a_refresh(folder: Folder) -> None:
    folder.write("hello.py", HELLO)
    catalog = Catalog(folder.root)
    before = catalog.task("Hello", "SayHello")
    assert not catalog.changed()
    folder.write("hello.py", HELLO.replace("hello ", "howdy "))  # of the same length
    assert catalog.changed()
    assert greet(catalog) == "hello Ann"
    catalog.refresh()
    assert not catalog.changed()
    assert greet(catalog) == "howdy Ann"
    assert before.function("Ann") == "hello Ann"


def test_only_what_changed_is_loaded_again(folder: Folder) -> None:
    folder.write("hello.py", HELLO)
    folder.write("other.py", HELLO)
    catalog = Catalog(folder.root)
    hello, other = catalog.service("Hello"), catalog.service("Other")
    folder.write("other.py", HELLO + "\n")
    folder.write("new.py", HELLO)
    catalog.refresh()
    assert catalog.service("Hello") is hello
    assert catalog.service("Other") is not other
    assert names(catalog) == ["Hello", "New", "Other"]
    folder.remove("other.py")
    catalog.refresh()
    assert names(catalog) == ["Hello", "New"]


def test_an_edited_helper_reloads_everything(folder: Folder) -> None:
    text = HELLO.replace("import task", "import task\nfrom _words import GREETING\nfrom deep.down import END")
    folder.write("hello.py", text.replace('"hello " + name', "GREETING + name + END"))
    folder.write("_words.py", "GREETING = 'salut '")
    folder.write("deep/_more/word.py", "END = '!'")
    folder.write(
        "deep/down.py", "import importlib\nEND = importlib.import_module('deep._more.word').END\n" + HELLO
    )
    catalog = Catalog(folder.root)
    assert catalog.errors == {}
    assert greet(catalog) == "salut Ann!"
    folder.write("_words.py", "GREETING = 'adieu '")
    assert catalog.changed()
    catalog.refresh()
    assert greet(catalog) == "adieu Ann!"
    folder.write("deep/_more/word.py", "END = '?'")
    assert catalog.changed()
    catalog.refresh()
    assert not catalog.changed()
    assert greet(catalog) == "adieu Ann?"


def test_helpers_of_two_folders_do_not_meet(tmp_path: Path) -> None:
    greetings = []
    for word in ("one", "two"):
        folder = Folder(tmp_path / word)
        folder.write("_words.py", f"GREETING = '{word} '")
        folder.write("hello.py", "from _words import GREETING\n" + HELLO.replace('"hello "', "GREETING"))
        greetings.append(greet(Catalog(folder.root)))
    assert greetings == ["one Ann", "two Ann"]


def test_nothing_is_written_into_the_folder(folder: Folder) -> None:
    folder.write("_words.py", "GREETING = ''")
    folder.write("hello.py", "import _words\n" + HELLO)
    assert greet(Catalog(folder.root)) == "hello Ann"
    assert sorted(item.name for item in folder.root.iterdir()) == ["_words.py", "hello.py"]


# Files that do not load


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("def broken(:\n    pass", "line 1: SyntaxError: invalid syntax"),
        ("\nimport nonsense_", "line 2: ModuleNotFoundError: No module named 'nonsense_'"),
        ("import sys\nsys.exit('done')", "line 2: SystemExit: done"),
        ("def inner():\n    1 / 0\ninner()", "line 2: ZeroDivisionError: division by zero"),
        ("class Stop(BaseException): ...\nraise Stop('here')", "line 2: Stop: here"),
    ],
)
def test_the_error_names_the_file_and_the_line(folder: Folder, text: str, error: str) -> None:
    folder.write("Demo/hello.py", text)
    catalog = Catalog(folder.root)
    assert catalog.services("Demo") == []
    assert catalog.errors == {"Demo/hello.py": f"Demo/hello.py: {error}. {CURE}"}
    assert catalog.error_of("demo/Hello") == catalog.errors["Demo/hello.py"]
    assert catalog.error_of("Demo/Other") == ""


def test_misuse_names_the_file_the_function_and_the_parameter(folder: Folder) -> None:
    folder.write("hello.py", HELLO.replace("name: str", "name"))
    assert (
        Catalog(folder.root)
        .errors["hello.py"]
        .startswith(
            "hello.py, function say_hello, parameter name: It has no type annotation. Annotate it with str,"
        )
    )


@pytest.mark.parametrize("text", ["", "X = 1", "from gpserver import Service\nx = Service('Empty')"])
def test_a_file_without_a_task(folder: Folder, text: str) -> None:
    folder.write("empty.py", text)
    assert Catalog(folder.root).errors == {
        "empty.py": "empty.py: It publishes no task. "
        "Put @task above a function, or begin the file's name with an underscore."
    }


def test_a_folder_with_a_name_that_cannot_be(folder: Folder) -> None:
    folder.write("my services/hello.py", HELLO)
    assert Catalog(folder.root).errors == {
        "my services/hello.py": 'my services/hello.py: "my services" has characters other than letters, '
        "digits and underscores. Rename the service or its folder."
    }


def test_a_broken_file_keeps_its_last_good_version(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    folder.write("hello.py", HELLO)
    catalog = Catalog(folder.root)
    assert greet(catalog) == "hello Ann"
    module = catalog.task("Hello", "SayHello").function.__module__
    folder.write("hello.py", HELLO + "1 / 0")
    with caplog.at_level(logging.ERROR):
        catalog.refresh()
        catalog.refresh()
    problem = f"hello.py: line 8: ZeroDivisionError: division by zero. {CURE}"
    assert [record.getMessage() for record in caplog.records] == [
        f"{problem} (its last good version is served)"
    ]
    assert greet(catalog) == "hello Ann"
    assert catalog.error_of("Hello") == problem
    assert "say_hello" in vars(sys.modules[module])
    folder.write("hello.py", HELLO.replace("hello ", "hi "))
    catalog.refresh()
    assert greet(catalog) == "hi Ann"
    assert (catalog.errors, catalog.error_of("Hello")) == ({}, "")


def test_a_missing_helper_that_appears(folder: Folder) -> None:
    folder.write("hello.py", "import _words\n" + HELLO)
    catalog = Catalog(folder.root)
    assert "No module named '_words'" in catalog.error_of("Hello")
    folder.write("_words.py", "")
    catalog.refresh()
    assert greet(catalog) == "hello Ann"


def test_a_broken_file_that_goes_takes_its_error_along(folder: Folder) -> None:
    folder.write("hello.py", "1 / 0")
    catalog = Catalog(folder.root)
    catalog.refresh()
    folder.remove("hello.py")
    catalog.refresh()
    assert catalog.errors == {}


def test_an_interrupt_is_for_the_server(folder: Folder) -> None:
    folder.write("hello.py", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        Catalog(folder.root).refresh()


def test_two_services_of_one_name(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    folder.write("first.py", "from gpserver import Service\n" + HELLO + 'x = Service("Same")')
    folder.write(
        "second.py", "from gpserver import Service\n" + HELLO + 'x = Service("SAME"), Service("Mine")'
    )
    catalog = Catalog(folder.root)
    assert names(catalog) == ["Mine", "Same"]
    problem = "There are two services SAME: in first.py and in second.py. Give one another name."
    assert catalog.errors == {"second.py": f"second.py: {problem}"}
    assert [record.getMessage() for record in caplog.records] == [f"second.py: {problem}"]
    folder.remove("first.py")
    catalog.refresh()
    assert names(catalog) == ["Mine", "SAME"]
    assert catalog.errors == {}


# The strict catalog of a worker


def test_a_worker_sees_an_edit_by_itself(folder: Folder) -> None:
    folder.write("hello.py", HELLO)
    catalog = Catalog(folder.root, strict=True)
    assert greet(catalog) == "hello Ann"
    folder.write("hello.py", HELLO.replace("hello ", "howdy "))
    assert greet(catalog) == "howdy Ann"


def test_a_worker_never_runs_an_old_version(folder: Folder) -> None:
    folder.write("hello.py", HELLO)
    catalog = Catalog(folder.root, strict=True)
    assert greet(catalog) == "hello Ann"
    folder.write("hello.py", "1 / 0")
    for _ in range(2):
        with pytest.raises(PublishingError, match=r"^hello\.py: line 1: ZeroDivisionError: division"):
            catalog.task("Hello", "SayHello")


def test_a_worker_that_starts_with_a_broken_file_says_so(folder: Folder) -> None:
    folder.write("hello.py", "1 / 0")
    catalog = Catalog(folder.root, strict=True)
    with pytest.raises(PublishingError, match="ZeroDivisionError"):
        catalog.task("Hello", "SayHello")
    with pytest.raises(NotFound, match=r"There is no service Greeter\. hello\.py: line 1: ZeroDivisionError"):
        catalog.task("Greeter", "SayHello")


def test_a_worker_can_import_helpers_while_a_task_runs(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    folder.write("_late.py", "GREETING = 'late '")
    folder.write(
        "hello.py", HELLO.replace('return "hello "', "from _late import GREETING\n    return GREETING")
    )
    assert greet(Catalog(folder.root, strict=True)) == "late Ann"


# Without files, and with threads


def test_services_that_come_from_no_file(folder: Folder) -> None:
    word = "closure"

    @task
    def say_hello(name: str) -> str:
        return f"{word} {name}"

    alone = Catalog()
    alone.publish(Service("Stub", tasks=[say_hello]))
    assert greet(alone, "Stub") == "closure Ann"
    assert alone.task("Stub", "SayHello") is task_of(say_hello)
    with pytest.raises(PublishingError, match="There is a service STUB already"):
        alone.publish(Service("STUB", tasks=[say_hello]))
    with pytest.raises(PublishingError, match="The service has no name or no task"):
        alone.publish(Service("Empty"))

    folder.write("hello.py", HELLO)
    both = Catalog(folder.root)
    both.publish(Service("Stub", tasks=[say_hello]))
    folder.write("stub.py", HELLO)
    both.refresh()
    assert names(both) == ["Hello", "Stub"]
    assert greet(both, "Stub") == "closure Ann"
    assert both.errors == {
        "stub.py": "stub.py: There are two services Stub: in stub.py and outside of files. "
        "Give one another name."
    }


def test_refreshes_of_many_threads(folder: Folder) -> None:
    loads = "import builtins\nbuiltins.gpserver_loads = getattr(builtins, 'gpserver_loads', 0) + 1\n"
    folder.write("hello.py", loads + HELLO)
    catalog = Catalog(folder.root)
    threads = [threading.Thread(target=catalog.refresh) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    import builtins

    assert builtins.__dict__.pop("gpserver_loads") == 1
    assert greet(catalog) == "hello Ann"
