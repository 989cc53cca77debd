"""Values by reference: pages of layers and queries, files, results of tasks, items, and what is refused."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import geopandas
import orjson
import pytest
from loopback import Server, Web, serving
from shapely import Point

from gpserver.addresses import Reach
from gpserver.errors import InvalidValue
from gpserver.sources import Sources
from gpserver.uploads import Uploads

ABLE = {"supportsPagination": True, "supportsOrderBy": True}
LAYER = {
    "type": "Feature Layer",
    "fields": [],
    "objectIdField": "OBJECTID",
    "advancedQueryCapabilities": ABLE,
}


class Services(Web):
    """Layers of seven features that give three at once."""

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.path).query))

    def json(self, value: Any) -> None:
        self.answer(orjson.dumps(value), content_type="application/json")

    def on_seven(self, rest: str) -> None:
        if rest.endswith("query"):
            first = int(self.query.get("resultOffset", 0))
            numbers = range(first, min(first + int(self.query.get("resultRecordCount", 3)), 7))
            exceeded = {"exceededTransferLimit": numbers.stop < 7}
            features = [{"attributes": {"n": n}} for n in numbers]
            geojson = self.query["f"] == "geojson"
            self.json({"features": features} | ({"properties": exceeded} if geojson else exceeded))
        else:
            self.json(LAYER)

    def on_stuck(self, rest: str) -> None:
        page = {"features": [{"attributes": {"n": 1}}], "exceededTransferLimit": True}
        self.json(page if rest.endswith("query") else LAYER)

    def on_whole(self, rest: str) -> None:
        page = {"features": [{"attributes": {"n": 1}}], "exceededTransferLimit": True}
        self.json(page if rest.endswith("query") else LAYER | {"advancedQueryCapabilities": None})

    def on_refused(self, rest: str) -> None:
        self.json({"error": {"code": 499, "message": "Token Required", "details": []}})

    def on_root(self, rest: str) -> None:
        self.json({"layers": [], "tables": [], "fields": []})

    def on_page(self, rest: str) -> None:
        self.answer(b"<html>not JSON</html>", content_type="text/html")

    def on_job(self, rest: str) -> None:
        value = {"features": [{"attributes": {"n": 1}}], "exceededTransferLimit": False}
        if "many" in rest:
            value = {"features": [], "exceededTransferLimit": True}
        self.json({"paramName": "Out", "dataType": "GPFeatureRecordSetLayer", "value": value})

    def on_proto(self, rest: str) -> None:
        self.answer(b"\x12\x00", content_type="application/x-protobuf")

    def on_file(self, rest: str) -> None:
        self.answer(b'{"features": []}')


@pytest.fixture(scope="module")
def web() -> Iterator[Server]:
    with serving(Services) as server:
        yield server


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "uploads", 10**6, ["zip", "json", "txt", "gpkg"])


@pytest.fixture
def source(tmp_path: Path, uploads: Uploads) -> Iterator[Sources]:
    with Sources(tmp_path / "job", Reach(("127.0.0.1",)), uploads, "anna") as source:
        yield source


def numbers(source: Sources, reference: Mapping[str, Any]) -> list[list[int]]:
    """The features of each page."""
    pages = [orjson.loads(path.read_bytes()) for path in source.features(reference)]
    return [[feature["attributes"]["n"] for feature in page["features"]] for page in pages]


def asked(web: Server, count: int) -> list[dict[str, str]]:
    return [dict(parse_qsl(urlsplit(path).query)) for path, _ in web.asked[-count:]]


PAGES = [[0, 1, 2], [3, 4, 5], [6]]


@pytest.mark.parametrize("kind", ["FeatureServer/0", "MapServer/12/", "mapserver/jobs/j1/0"])
def test_a_layer_comes_in_pages(web: Server, source: Sources, kind: str) -> None:
    assert numbers(source, {"url": f"{web.url}/seven/{kind}"}) == PAGES
    [layer, first, second, third] = asked(web, 4)
    assert layer == {"f": "json"}
    assert first == {
        "f": "json",
        "where": "1=1",
        "outFields": "*",
        "returnGeometry": "true",
        "returnZ": "true",
        "returnM": "true",
        "orderByFields": "OBJECTID",
    }
    assert (second, third) == (first | {"resultOffset": "3"}, first | {"resultOffset": "6"})
    assert web.asked[-1][0].startswith(f"/seven/{kind.rstrip('/')}/query?")


@pytest.mark.parametrize(
    ("time", "sent"),
    [(967855732000, "967855732000"), ("1,2", "1,2"), ([1, None], "1,null"), ("null,2", "null,2")],
)
def test_filter_time_and_token_are_heeded(web: Server, source: Sources, time: Any, sent: str) -> None:
    where = "name = 'Müller & Söhne' AND n > 1"
    reference = {
        "url": f"{web.url}/seven/FeatureServer/0?x=1",
        "filter": where,
        "time": time,
        "token": "t+/=",
    }
    assert numbers(source, reference) == PAGES
    [layer, first, *_] = asked(web, 4)
    assert layer == {"x": "1", "token": "t+/=", "f": "json"}
    assert (first["where"], first["time"], first["token"], first["x"]) == (where, sent, "t+/=", "1")


def test_a_query_is_asked_as_it_is_and_goes_on(web: Server, source: Sources) -> None:
    url = f"{web.url}/seven/MapServer/0/query?where=1%3D1&f=html"
    assert numbers(source, {"url": url}) == PAGES
    assert asked(web, 3)[0] == {"where": "1=1", "f": "json"}
    assert numbers(source, {"url": f"{url}&resultOffset=5"}) == [[5, 6]]
    assert numbers(source, {"url": f"{url}&resultOffset=2"}) == [[2, 3, 4], [5, 6]]
    assert numbers(source, {"url": f"{url}&resultRecordCount=2"}) == [[0, 1]]


def test_a_query_in_geojson(web: Server, source: Sources) -> None:
    assert numbers(source, {"url": f"{web.url}/seven/0/query?f=GeoJSON"}) == PAGES
    assert asked(web, 1)[0]["f"] == "geojson"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("stuck/FeatureServer/0", "the same page over and over"),
        ("stuck/query", "the same page over and over"),
        ("whole/MapServer/0", "cannot give pages"),
        ("refused/FeatureServer/0", r"says: Token Required \(code 499\)"),
        ("refused/query", "says: Token Required"),
        ("refused/file.json", "says: Token Required"),
        ("root/FeatureServer/0", "name one layer of the service"),
        ("page/FeatureServer/0", "not that of a layer"),
        ("job/jobs/many/results/Out", "more features than the server"),
    ],
)
def test_what_cannot_be_read_to_its_end(web: Server, source: Sources, path: str, problem: str) -> None:
    with pytest.raises(InvalidValue, match=problem):
        list(source.features({"url": f"{web.url}/{path}", "token": "secret"}))


def test_a_result_of_another_job_is_asked_for_its_data(web: Server, source: Sources) -> None:
    assert numbers(source, {"url": f"{web.url}/job/jobs/j1/results/Out?returnZ=true"}) == [[1]]
    assert asked(web, 1) == [{"returnZ": "true", "f": "json", "returnType": "data"}]


def test_files_keep_their_names(web: Server, source: Sources, tmp_path: Path) -> None:
    [page] = source.features({"url": f"{web.url}/proto/x"})
    assert page.suffix == ".pbf"
    files = [source.file({"url": f"{web.url}/file/a%2Fb/..%2F..%2Fl%C3%A4nder.json?x=1"}) for _ in range(2)]
    assert [file.name for file in files] == ["länder.json"] * 2
    assert files[0] != files[1]
    assert all(file.is_relative_to(tmp_path / "job") for file in files)


def test_pages_go_and_files_stay(web: Server, tmp_path: Path, uploads: Uploads) -> None:
    with Sources(tmp_path / "job", Reach(("127.0.0.1",)), uploads) as source:
        [page] = source.features({"url": f"{web.url}/file/a.json"})
        file = source.file({"url": f"{web.url}/file/a.json"})
        assert page.is_file()
    assert not page.exists()
    assert file.read_bytes() == b'{"features": []}'


@pytest.mark.parametrize(
    "reference",
    [{"portalItemID": "0" * 32}, {"uri": "/data/x"}, {}, {"url": ""}, {"url": None, "itemID": ""}],
)
def test_references_that_nobody_here_understands(source: Sources, reference: Mapping[str, Any]) -> None:
    for read in (source.file, lambda reference: list(source.features(reference))):
        with pytest.raises(InvalidValue, match="send a url, or the itemID of an upload"):
            read(reference)


@pytest.mark.parametrize(
    "url", ["http://[::1/FeatureServer/0", "file:///etc/passwd", "//x/query", "x/MapServer/0"]
)
def test_what_is_no_url(source: Sources, url: str) -> None:
    for read in (source.file, lambda reference: list(source.features(reference))):
        for reference in ({"url": url}, {"url": url, "token": "t"}):
            with pytest.raises(InvalidValue, match=r"is not (a|an http or https) URL"):
                read(reference)


def test_the_address_of_every_page_is_checked(web: Server, tmp_path: Path, uploads: Uploads) -> None:
    with (
        Sources(tmp_path / "job", Reach(), uploads) as source,
        pytest.raises(InvalidValue, match="not a public one"),
    ):
        list(source.features({"url": f"{web.url}/seven/FeatureServer/0"}))


def item(uploads: Uploads, tmp_path: Path, name: str, content: bytes, owner: str = "") -> str:
    (tmp_path / "sent").write_bytes(content)
    return uploads.add(tmp_path / "sent", name, owner=owner).id


def test_an_item_is_the_jobs_own_when_it_began(source: Sources, uploads: Uploads, tmp_path: Path) -> None:
    item_id = item(uploads, tmp_path, "a b.txt", b"hello")
    file = source.file({"itemID": item_id.upper()})
    uploads.delete(uploads.get(item_id))
    assert (file.name, file.read_bytes()) == ("a b.txt", b"hello")
    with pytest.raises(InvalidValue, match="There is no uploaded item"):
        source.file({"itemID": item_id})


def test_an_item_of_somebody_else_is_not_there(source: Sources, uploads: Uploads, tmp_path: Path) -> None:
    assert source.file({"itemID": item(uploads, tmp_path, "a.txt", b"", owner="anna")})
    with pytest.raises(InvalidValue, match="There is no uploaded item"):
        source.file({"itemID": item(uploads, tmp_path, "a.txt", b"", owner="berta")})
    with pytest.raises(InvalidValue, match="not committed"):
        source.file({"itemID": uploads.register("a.txt").id})


def dataset(folder: Path, driver: str) -> bytes:
    """A zip with a dataset of one point."""
    frame = geopandas.GeoDataFrame({"n": [5]}, geometry=[Point(1, 2)], crs=3857)
    target = folder / "dataset"
    target.mkdir()
    frame.to_file(target / f"d.{'shp' if driver == 'ESRI Shapefile' else 'gpkg'}", driver=driver)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in target.iterdir():
            archive.write(file, f"inside/{file.name}")
    return packed.getvalue()


@pytest.mark.parametrize("driver", ["ESRI Shapefile", "GPKG"])
def test_a_dataset_in_an_archive(source: Sources, uploads: Uploads, tmp_path: Path, driver: str) -> None:
    [page] = source.features({"itemID": item(uploads, tmp_path, "d.zip", dataset(tmp_path, driver))})
    frame = geopandas.read_file(page)
    assert (list(frame.n), frame.crs.to_epsg(), list(frame.geometry)) == ([5], 3857, [Point(1, 2)])


def test_an_archive_is_a_file_like_any_other(source: Sources, uploads: Uploads, tmp_path: Path) -> None:
    content = dataset(tmp_path, "GPKG")
    file = source.file({"itemID": item(uploads, tmp_path, "d.zip", content)})
    assert file.read_bytes() == content
    assert [path.name for path in file.parent.iterdir()] == ["d.zip"]


@pytest.mark.parametrize("name", ["a.gpkg", "a.zip"])
def test_what_only_claims_to_be_a_dataset(
    source: Sources, uploads: Uploads, tmp_path: Path, name: str
) -> None:
    virtual = b"<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>/etc/passwd</SrcDataSource>"
    if name == "a.zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("a.shp", virtual)
        virtual = packed.getvalue()
    with pytest.raises(InvalidValue, match="whatever its name says"):
        list(source.features({"itemID": item(uploads, tmp_path, name, virtual)}))
