"""The pages of the services directory as HTML: whole, labelled, escaped, and under a strict policy."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from conftest import ROOT, Server, start
from gpclient import Client

TASK = "Buffer/GPServer/BufferPoints"
SYNCHRONOUS = "BufferSync/GPServer/BufferPoints/execute"
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(1)</script>{{7*987654321}}'
CONTROLS = {"input", "select", "textarea", "progress"}


class Page(HTMLParser):
    """The elements of a page, by name, with their attributes; and what stands against the policy of pages."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.labelled_inside: list[bool] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        self.labelled_inside.append("label" in self._open)
        if tag in ("label", "fieldset"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == name]

    def links(self) -> Iterator[str]:
        for _, attributes in self.elements:
            yield from (value for key in ("href", "src") if (value := attributes.get(key)))

    def unlabelled(self) -> list[dict[str, str | None]]:
        labels = {label.get("for") for label in self.all("label")}
        return [
            attributes
            for (tag, attributes), inside in zip(self.elements, self.labelled_inside, strict=True)
            if tag in CONTROLS
            and attributes.get("type") != "hidden"
            and not (inside or attributes.get("aria-label") or attributes.get("id") in labels)
        ]

    def active(self) -> list[Any]:
        """Scripts and styles that are in the page itself."""
        inline = [a for tag, a in self.elements if tag == "style" or (tag == "script" and not a.get("src"))]
        handlers = [a for _, a in self.elements if any(key == "style" or key.startswith("on") for key in a)]
        return inline + handlers


def is_page(answer: httpx.Response) -> bool:
    return answer.headers["content-type"].startswith("text/html")


def leads_to_a_page(link: httpx.URL, server: Server) -> bool:
    """Whether a link stays here and asks for no other format, but for a picture."""
    return str(link).startswith(server.url) and link.params.get("f", "html") in ("html", "image")


def submit(client: Client, **parameters: str) -> str:
    job = client.submit("Buffer/BufferPoints", **parameters)
    assert client.wait(job)["jobStatus"] == "esriJobSucceeded"
    return job


def grid(count: int, name: str = "p") -> str:
    features = [
        {"geometry": {"x": n % 60, "y": n // 60}, "attributes": {"name": f"{name}{n}"}} for n in range(count)
    ]
    return json.dumps({"features": features})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One of our own: every page is visited, and that of others has those of all their jobs."""
    server = start(tmp_path_factory.mktemp("pages"), ROOT / "services")
    yield server
    assert server.stop() == 0, server.log.read_text()


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    return server.client


@pytest.fixture(scope="module")
def job(client: Client) -> str:
    """A job with a hundred and twenty results."""
    return submit(client, Input_Features=grid(120))


@pytest.fixture(scope="module")
def pages(client: Client, server: Server, job: str) -> dict[str, httpx.Response]:
    """Every page that links lead to from the root and from a job."""
    found: dict[str, httpx.Response] = {}
    ahead = [client.services, job, f"{client.services}/Missing", client.place(SYNCHRONOUS)]
    while ahead:
        url = ahead.pop()
        if url in found:
            continue
        answer = client.http.get(url)
        assert answer.status_code == (404 if url.endswith("Missing") else 200), url
        found[url] = answer
        if is_page(answer):
            links = (answer.url.join(link).copy_with(fragment=None) for link in Page(answer.text).links())
            ahead += [str(link) for link in links if leads_to_a_page(link, server)]
    return {url: answer for url, answer in found.items() if is_page(answer)}


def test_every_resource_is_reached_and_has_a_page(pages: dict[str, httpx.Response], job: str) -> None:
    task = job.partition("/jobs/")[0]
    ends = ("", "/results/Output_Polygons", "/inputs/Distance", "/inputs/Input_Features")
    assert {task, f"{task}/submitJob", *(job + end for end in ends)} <= pages.keys()
    assert len(pages) > 30


def test_every_page_has_the_policy_and_keeps_it(pages: dict[str, httpx.Response]) -> None:
    for url, answer in pages.items():
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert Page(answer.text).active() == [], url


def test_every_control_has_a_label_and_every_picture_a_text(pages: dict[str, httpx.Response]) -> None:
    for url, answer in pages.items():
        page = Page(answer.text)
        assert page.unlabelled() == [], url
        assert all("alt" in image for image in page.all("img")), url
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(ids) == len(set(ids)), url
        assert [html.get("lang") for html in page.all("html")] == ["en"]
        assert (len(page.all("main")), len(page.all("h1")), len(page.all("h2"))) == (1, 1, 1)


def test_pages_keep_the_words_that_scrapers_read(client: Client, server: Server, job: str) -> None:
    root = client.http.get(client.services).text
    for words in (
        "<title>Folder: /</title>",
        "ArcGIS REST Services Directory",
        "<h2>Folder: /</h2>",
        "<b>Current Version: </b>11.1",
        "<b>Services:</b>",
        '<a href="/arcgis/rest/services/Buffer/GPServer">Buffer</a> (GPServer)',
        '<a href="?f=pjson">JSON</a>',
        "/arcgis/rest/static/main.css",
    ):
        assert words in root
    assert "<title>Buffer (GPServer)</title>" in client.http.get(client.place("Buffer/GPServer")).text
    form = client.http.get(client.place(f"{TASK}/submitJob")).text
    for words in ('<form name="sdform"', "Job (GET)", "Job (POST)", "env:outSR", "env:processSR"):
        assert words in form
    page = client.http.get(job).text
    assert f"<title>Job Details: {job.rpartition('/')[2]} (Buffer/BufferPoints)</title>" in page
    assert "<b>Job Status:</b> esriJobSucceeded<br/>" in page
    assert "esriJobMessageTypeInformative: Submitted." in page
    error = client.http.get(client.place("Missing/GPServer")).text
    assert "<title>Error: " in error
    assert "ArcGIS REST Framework" in error
    assert "<b>Code: </b>400<br/>" in error


def test_a_result_is_leafed_through(client: Client, job: str) -> None:
    def shown(**asked: str) -> tuple[list[str], str]:
        text = client.http.get(f"{job}/results/Output_Polygons", params=asked).text
        return [cell for cell in text.replace("</td>", "<td>").split("<td>") if cell.startswith("p")], text

    first, text = shown()
    assert (first[0], first[-1], len(first)) == ("p0", "p49", 50)
    assert "Rows 1 to 50 of 120" in text
    last, text = shown(page="3")
    assert (last[0], last[-1]) == ("p100", "p119")
    assert "Next" not in text
    assert shown(page="99")[0] == last
    assert shown(page="-5")[0] == first
    assert "is not a number" in shown(page="two")[1]


def test_links_to_other_formats_keep_the_question(client: Client, job: str) -> None:
    layer = job.replace("/GPServer/BufferPoints/", "/MapServer/") + "/0/query"
    asked = {"where": "name = 'p7'", "outFields": "name", "f": "html"}
    page = client.http.get(layer, params=asked)
    assert "p7" in page.text
    [link] = {link for link in Page(page.text).links() if "f=pjson" in link}
    [feature] = client.http.get(page.url.join(link)).json()["features"]
    assert feature["attributes"]["name"] == "p7"


def test_nothing_hostile_becomes_markup(client: Client) -> None:
    point = {"geometry": {"x": 1, "y": 1}, "attributes": {HOSTILE: HOSTILE, "url": HOSTILE}}
    features = {"features": [point]}
    job = submit(client, Input_Features=json.dumps(features))
    failed = client.submit("Tools/FailTask", Reason=HOSTILE)
    client.wait(failed)
    values = {"In_List": json.dumps([HOSTILE]), "In_File": json.dumps({"url": HOSTILE})}
    echo = client.submit("Tools/EchoTypes", In_String="red", **values)
    client.wait(echo)
    places = [job, f"{job}/results/Output_Polygons", f"{job}/inputs/Input_Features", failed]
    places += [f"{failed}/inputs/Reason", echo, f"{echo}/inputs/In_File", f"{echo}/inputs/In_List"]
    places += [client.place(f"{HOSTILE}/GPServer"), client.place(f"{TASK}/jobs/{HOSTILE}")]
    places += [f"{job}?{HOSTILE}={HOSTILE}", f"{job}/results/{HOSTILE}"]
    for place in places:
        answer = client.http.get(place)
        page = Page(answer.text)
        assert page.active() == [], place
        assert not any(image.get("src") == "x" for image in page.all("img")), place
        assert not any((link or "").lower().startswith("javascript") for link in page.links())
        assert "6913580247" not in answer.text, place  # nobody evaluates what stands in braces


def test_a_link_that_a_user_wrote_leads_to_the_web_or_nowhere(client: Client) -> None:
    for url, linked in (("javascript:alert(1)", False), ("https://example.org/a.zip", True)):
        job = client.submit("Tools/EchoTypes", In_File=json.dumps({"url": url}))
        client.wait(job)
        page = Page(client.http.get(f"{job}/inputs/In_File").text)
        assert (url in page.links()) is linked


def test_a_form_sends_numbers_with_their_units_and_files_as_items(client: Client) -> None:
    fields = {"Distance": "2", "Distance:units": "esriKilometers", "f": "json"}
    file = ("places.json", grid(3).encode(), "application/json")
    answer = client.http.post(
        client.place(f"{TASK}/submitJob"), data=fields, files={"Input_Features:file": file}
    )
    job = client.place(f"{TASK}/jobs/{answer.json()['jobId']}")
    assert client.wait(job)["jobStatus"] == "esriJobSucceeded"
    assert client.get(f"{job}/inputs/Distance")["value"] == {"distance": 2, "units": "esriKilometers"}
    assert len(client.get(f"{job}/results/Output_Polygons", returnType="data")["value"]["features"]) == 3


def test_every_line_of_a_list_is_a_value(client: Client) -> None:
    for text, values in (
        ("Paris, France\r\nRome; Italy\r\n", ["Paris, France", "Rome; Italy"]),
        ('["a"]', ["a"]),
        ("", []),
    ):
        job = client.submit("Tools/EchoTypes", **{"In_List": text, "In_List:lines": "true"})
        assert client.wait(job)["jobStatus"] == "esriJobSucceeded"
        assert client.get(f"{job}/results/Out_List")["value"] == values


def test_a_file_that_nobody_chose_and_a_number_that_nobody_gave_are_not_sent(client: Client) -> None:
    fields = {"Distance": "", "Distance:units": "esriKilometers", "Input_Features": grid(1), "f": "json"}
    empty = {"Input_Features:file": ("", b"", "application/octet-stream")}
    answer = client.http.post(client.place(f"{TASK}/submitJob"), data=fields, files=empty)
    job = client.place(f"{TASK}/jobs/{answer.json()['jobId']}")
    assert client.wait(job)["jobStatus"] == "esriJobSucceeded"
    assert client.get(f"{job}/inputs/Distance")["value"] == {"distance": 100, "units": "esriMeters"}


def test_a_synchronous_task_shows_its_results(client: Client) -> None:
    form = {"Input_Features": grid(2), "f": "html"}
    text = client.http.post(client.place(SYNCHRONOUS), data=form).text
    assert "Output_Polygons" in text
    assert "2 rows" in text
    picture = next(image["src"] for image in Page(text).all("img"))
    drawn = client.http.get(f"{client.url}{picture}")
    assert drawn.headers["content-type"] == "image/png"


def test_a_person_reads_what_is_wrong_before_the_job(client: Client) -> None:
    place = client.place(f"{TASK}/validate")
    wrong = client.http.post(place, data={"Distance": "far", "f": "html"}).text
    assert "ERROR 000735" in wrong
    right = client.http.post(place, data={"Input_Features": grid(1), "f": "html"}).text
    assert "Nothing is wrong" in right


def test_files_of_pages_are_kept_for_ever_and_asked_for_never_again(client: Client, server: Server) -> None:
    page = Page(client.http.get(client.place(f"{TASK}/submitJob")).text)
    links = [link for link in page.links() if "/static/" in link]
    assert len(links) == 5
    for link in links:
        answer = client.http.get(f"{server.url}{link}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        plain = client.http.get(f"{server.url}{link.partition('?')[0]}")
        assert plain.headers["cache-control"] == "no-cache"
        tag = {"If-None-Match": plain.headers["etag"]}
        assert client.http.get(f"{server.url}{link.partition('?')[0]}", headers=tag).status_code == 304


@pytest.mark.parametrize("name", ["../html.py", "..%2Fhtml.py", "/etc/passwd", "missing.css", "vendor", ""])
def test_only_files_of_pages_are_served(client: Client, server: Server, name: str) -> None:
    answer = client.http.get(f"{server.rest}/static/{name}", params={"f": "json"})
    assert answer.json()["error"]["code"] == 400
