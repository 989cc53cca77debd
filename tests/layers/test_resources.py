"""The tree of folders and files."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gpserver.errors import Conflict, Forbidden, InvalidValue, NotFound, ServerBusy
from gpserver.layers import Layers, Resources
from gpserver.space import Space

Draft = Callable[[str], Path]


@pytest.fixture
def tree(folder_layers: Layers) -> Resources:
    return folder_layers.resources


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    """A file with a text, to be taken over."""

    def make(text: str) -> Path:
        path = tmp_path / "incoming"
        path.write_text(text)
        return path

    return make


def test_folders_and_files(tree: Resources, draft: Draft) -> None:
    ann = tree.seen_by("ann")
    folder = ann.add_folder("Папка")
    inner = ann.add_folder("Inner", parent="ann/Папка")
    file = ann.add_file(draft("a,b"), "points.CSV", inner.id, description="of today")
    assert len(file.id) == 32
    assert (file.size, file.type, file.owner, file.parent) == (3, "file", "ann", inner.id)
    for key in (file.id, "ann/Папка/Inner/points.CSV", "Папка/Inner/points.CSV", "points.CSV"):
        assert ann.file(key).read_text() == "a,b"
    assert ann.file(file.id).suffix == ".csv"
    assert ann.path(file) == "ann/Папка/Inner/points.CSV"
    assert ann.listing(folder.id) == [inner]
    assert ann.listing("") == [folder]
    assert [item.name for item in ann.listing()] == ["Inner", "points.CSV", "Папка"]
    with pytest.raises(Conflict, match="not empty"):
        ann.remove(folder.id)
    content = ann.file(file.id)
    ann.remove(folder.id, cascade=True)
    assert ann.listing() == []
    assert not content.exists()


def test_the_space_of_a_user_and_of_all(tmp_path: Path, draft: Draft) -> None:
    tree = Resources(tmp_path, Space(total=25, each=15))
    ann, bob = tree.seen_by("ann"), tree.seen_by("bob")
    ann.add_file(draft("x" * 10), "a.txt")
    with pytest.raises(ServerBusy, match="15 bytes together"):
        ann.add_file(draft("x" * 10), "b.txt")
    with pytest.raises(ServerBusy, match="15 bytes together"):
        ann.add_file(draft("x" * 16), "a.txt", rewrite=True)
    ann.add_file(draft("x" * 15), "a.txt", rewrite=True)
    with pytest.raises(ServerBusy, match="25 bytes, and no more"):
        bob.add_file(draft("x" * 11), "b.txt")
    assert bob.add_folder("folder")
    assert [len(path.read_bytes()) for path in (tmp_path / "files").iterdir()] == [15]
    ann.remove("a.txt")
    assert bob.add_file(draft("x" * 11), "b.txt").size == 11
    tree.close()


def test_a_file_is_replaced_only_when_asked(tree: Resources, draft: Draft) -> None:
    first = tree.add_file(draft("1"), "a.txt")
    with pytest.raises(Conflict, match=r"a\.txt already exists"):
        tree.add_file(draft("2"), "a.txt")
    assert tree.file("a.txt").read_text() == "1"
    second = tree.add_file(draft("22"), "a.txt", rewrite=True)
    assert (second.id, second.size, tree.file(first.id).read_text()) == (first.id, 2, "22")
    assert len(list(tree.file(first.id).parent.iterdir())) == 1
    tree.add_folder("folder")
    with pytest.raises(Conflict, match="is a folder"):
        tree.add_file(draft("3"), "folder", rewrite=True)


def test_everybody_has_his_own(tree: Resources, draft: Draft) -> None:
    ann, bob = tree.seen_by("ann"), tree.seen_by("bob")
    file = ann.add_file(draft("secret"), "a.txt")
    for look in (bob.resource, bob.file, bob.remove):
        for key in (file.id, "ann/a.txt", "a.txt"):
            with pytest.raises(NotFound):
                look(key)
    with pytest.raises(Forbidden):
        bob.add_folder("x", owner="ann")
    bob.add_file(draft("own"), "a.txt")
    assert ann.file("a.txt").read_text() == "secret"
    assert tree.seen_by("root", everything=True).add_folder("x", owner="ann").owner == "ann"


def test_a_path_may_begin_with_the_id_of_a_folder(tree: Resources, draft: Draft) -> None:
    top = tree.add_folder("top")
    inner = tree.add_folder("inner", top.id)
    file = tree.add_file(draft("x"), "a.txt", f"{top.id}/inner")
    assert file.parent == inner.id
    assert tree.resource(f"{top.id}/inner/a.txt") == file
    with pytest.raises(NotFound):
        tree.seen_by("bob").resource(f"{top.id}/inner")


def test_moves(tree: Resources, draft: Draft) -> None:
    one, two = tree.add_folder("one"), tree.add_folder("two")
    inner = tree.add_folder("inner", one.id)
    file = tree.add_file(draft("x"), "a.txt", inner.id)
    assert tree.change(file.id, name="b.txt", parent=two.id).parent == two.id
    assert [item.name for item in tree.listing(two.id)] == ["b.txt"]
    with pytest.raises(InvalidValue, match="into itself"):
        tree.change(one.id, parent=inner.id)
    with pytest.raises(InvalidValue, match="is a file"):
        tree.change(one.id, parent=file.id)
    with pytest.raises(Conflict):
        tree.change(one.id, name="two")
    assert tree.change(inner.id, parent="", description="top").parent == ""


@pytest.mark.parametrize("name", ["", "..", "../a", "a/b", "a\\b", "a\x00", "x" * 256, "tab\tx"])
def test_names_never_become_paths(tree: Resources, draft: Draft, name: str) -> None:
    with pytest.raises(InvalidValue, match="cannot be named"):
        tree.add_file(draft("x"), name)
    with pytest.raises(InvalidValue, match="cannot be named"):
        tree.add_folder(name)


def test_odd_names_stay_names(tree: Resources, draft: Draft) -> None:
    for name in ("a.b.c;rm -rf", "файл.zip", "no suffix", ".hidden", "x.%2e%2e", "-"):
        item = tree.add_file(draft(name), name)
        assert tree.resource(item.id).name == name
        assert tree.file(name).parent.name == "files"


def test_temporary_files_are_swept(
    tree: Resources, draft: Draft, folder_layers: Layers, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.add_file(draft("1"), "kept.txt")
    item = tree.add_file(draft("2"), "old.txt", temporary=True)
    (tree.file(item.id).parent / "leftover").write_text("x")
    folder_layers.sweep(time.time() - 3600)
    assert len(tree.listing()) == 2
    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)
    folder_layers.sweep(later)
    assert [item.name for item in tree.listing()] == ["kept.txt"]
    assert len(list(tree.file("kept.txt").parent.iterdir())) == 1
