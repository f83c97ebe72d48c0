"""The images of a document: fetched within limits, or taken from their `data:` URI."""

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

from PIL import Image

from craftkit.typesetter import Job
from testkit.internet import Internet, answering
from typesetting.files import fetch_images, with_images


def _picture(kind: str = "PNG", size: tuple[int, int] = (8, 6)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size, "teal").save(file, kind)
    return file.getvalue()


def test_fetch_images__fetches_each_url_once_and_reports_failures_by_path() -> None:
    internet = Internet()
    internet.host("a.dev", answering(_picture()))
    internet.host("gone.dev", answering(status="404 Not Found"), ("93.184.216.35",))
    internet.host("text.dev", answering(b"hello"), ("93.184.216.36",))
    internet.host("inside.dev", addresses=("10.0.0.1",))
    data_uri = "data:image/png;base64," + b64encode(_picture()).decode()
    found = fetch_images(
        {
            "logo": "https://a.dev/x.png".replace("https", "http"),
            "items.0.photo": "http://a.dev/x.png",
            "items.1.photo": data_uri,
            "items.2.photo": "http://gone.dev/",
            "items.3.photo": "http://text.dev/",
            "items.4.photo": "http://inside.dev/",
            "items.5.photo": "data:image/png;base64,AAA",
        },
        network=internet.network,
    )
    assert found.images == {"http://a.dev/x.png": _picture(), data_uri: _picture()}
    assert found.faults == {
        "items.2.photo": "the host returned status 404",
        "items.3.photo": "the image is not a PNG, JPEG, GIF, WebP or SVG file",
        "items.4.photo": "the host is not on the public internet",
        "items.5.photo": "the data: URI is not valid base64",
    }
    assert sorted(internet.calls) == [
        ("93.184.216.34", 80),
        ("93.184.216.35", 80),
        ("93.184.216.36", 80),
    ]


def test_fetch_images__follows_a_redirect_and_never_to_a_private_address() -> None:
    internet = Internet()
    internet.host("a.dev", answering(status="302 Found", headers=["Location: http://b.dev/"]))
    internet.host("b.dev", answering(_picture()), ("93.184.216.35",))
    trap = answering(status="302 Found", headers=["Location: http://169.254.169.254/"])
    internet.host("trap.dev", trap, ("93.184.216.36",))
    internet.host("169.254.169.254", addresses=("169.254.169.254",))
    found = fetch_images({"a": "http://a.dev/", "b": "http://trap.dev/"}, network=internet.network)
    assert found.images == {"http://a.dev/": _picture()}
    assert found.faults == {"b": "the host is not on the public internet"}


def test_fetch_images__a_gigabyte_is_stopped_at_five_mebibytes() -> None:
    internet = Internet()

    def serve(connection, _head) -> None:  # type: ignore[no-untyped-def]
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        while True:
            connection.sendall(b"\0" * 65536)

    internet.host("huge.dev", serve)
    found = fetch_images({"a": "http://huge.dev/"}, network=internet.network)
    assert "larger than" in found.faults["a"]


def test_fetch_images__over_five_mebibytes_is_refused() -> None:
    uri = "data:image/png;base64," + b64encode(_picture() + b"\0" * 5 * 1024 * 1024).decode()
    assert fetch_images({"a": uri}).faults == {"a": "the image is larger than 5 MiB"}


def test_fetch_images__slow_hosts_share_one_deadline() -> None:
    internet = Internet()
    internet.host("a.dev", answering(_picture()))
    moments = iter([0.0, 11.0])
    network = replace(internet.network, monotonic=lambda: next(moments, 11.0))
    found = fetch_images({"a": "http://a.dev/"}, network=network)
    assert not found.images
    assert not internet.calls


def test_with_images__adds_the_images_of_the_data() -> None:
    uri = "data:image/png;base64," + b64encode(_picture()).decode()
    job = Job(
        source="",
        data={"items": [{"photo": uri}, {"photo": None}]},
        types={"items": "loop", "items.photo": "image"},
        locale="en",
        title="x",
        created_at=datetime(2026, 11, 24, tzinfo=UTC),
    )
    assert with_images(job).images == {uri: _picture()}


def _job_with_photos(count: int, **changes: object) -> Job:
    urls = [{"photo": f"http://victim.dev/{number}.png"} for number in range(count)]
    return Job(
        **{
            "source": "",
            "data": {"items": urls},
            "types": {"items": "loop", "items.photo": "image"},
            "locale": "en",
            "title": "x",
            "created_at": datetime(2026, 11, 24, tzinfo=UTC),
            **changes,
        }  # type: ignore[arg-type]
    )


def test_with_images__one_render_fetches_a_limited_number_of_bytes() -> None:
    served = []

    def serve(connection, _head) -> None:  # type: ignore[no-untyped-def]
        body = _picture() + b"\0" * 4 * 1024 * 1024
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 65536):
            connection.sendall(body[start : start + 65536])
            served.append(65536)

    internet = Internet()
    internet.host("victim.dev", serve)
    assert len(with_images(_job_with_photos(1), network=internet.network).images) == 1
    for live, limit_mebibytes in ((False, 8), (True, 25)):
        served.clear()
        with_images(_job_with_photos(20, is_live=live), network=internet.network)
        under_way = 8  # what eight connections' buffers hold
        assert sum(served) < (limit_mebibytes + under_way) * 1024 * 1024
