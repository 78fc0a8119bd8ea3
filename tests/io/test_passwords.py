"""What is secret in a URL is shown nowhere."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from clips import one_line

from tracker.commands.main import main
from tracker.io.passwords import is_url, place_of, without_passwords
from tracker.io.sinks import fresh_folder
from tracker.io.video import SourceError, open_source
from tracker.run.output import new_folder


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://me:s3cret@cam:9/x", "rtsp://me:***@cam:9/x"),
        ("rtsp://me:s3@cret@cam/x", "rtsp://me:***@cam/x"),
        ("rtsp://me:s3/c@ret?#@cam:554/live", "rtsp://me:***@cam:554/live"),
        ("rtsp://me:s3 cret@cam/live", "rtsp://me:***@cam/live"),
        ("rtsp://s3cret@cam", "rtsp://***@cam"),
        ("HTTP://me:s3cret@[::1]:80/x?KEY=s3cret", "HTTP://me:***@[::1]:80/x?KEY=***"),
        ("https://cam/a.m3u8?n=1&token=s3cret&b=2", "https://cam/a.m3u8?n=1&token=***&b=2"),
        (
            "https://cam/a?X-Amz-Signature=s3/cret#access_token=s3cret",
            "https://cam/a?X-Amz-Signature=***#access_token=***",
        ),
        ("rtsp://cam/user=admin&password=s3cret&channel=1", "rtsp://cam/user=admin&password=***&channel=1"),
        ("cannot open rtsp://me:s3cret@cam/x: no", "cannot open rtsp://me:***@cam/x: no"),
        ("rtps:/me:s3cret@cam/x", "rtps:/me:***@cam/x"),
        ("https://cam/v.mp4?channel=1&stream=main&k=s3cret#t=9", "https://cam/v.mp4?channel=1&stream=main&k=***#t=9"),
        ("no file me:s3cret@10.0.0.5:8080/x here", "no file me:***@10.0.0.5:8080/x here"),
    ],
)
def test_secrets_are_stars(url: str, shown: str) -> None:
    assert without_passwords(url) == shown
    assert not any(part in place_of(shown) for part in ("s3", "cret"))


@pytest.mark.parametrize(
    "text", ["street.mp4", "me@home/a.mp4", "C:/Users/me@x/v.mp4", "rtsp://cam:554/live", "https://host/@user/v"]
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_passwords(text) == text


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("rtsp://me:s3cret@cam/stream1", "stream1-sort"),
        ("rtsp://s3cret@cam", "cam-sort"),
        ("rtsp://me:s3/cr@et@10.0.0.5:554", "10.0.0.5-sort"),
        ("https://host/live/cam.m3u8?token=s3cret", "cam-sort"),
        ("a video.mp4", "a_video-sort"),
    ],
)
def test_folder_names_hold_no_secrets(url: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert new_folder(url, "sort") == Path("runs") / name


@pytest.mark.parametrize("scheme", ["rtps", "srt"])
def test_a_misspelt_url_does_not_show_its_password(scheme: str) -> None:
    with pytest.raises(SourceError) as error:
        open_source(f"{scheme}://me:s3@cret@cam/x")
    one_line(error, "no such file")
    assert "cret" not in str(error.value)


def test_urls_and_paths() -> None:
    assert is_url("rtsp://cam")
    assert not is_url("a/b.mp4")
    assert not is_url(r"C:\a.mp4")


@pytest.mark.parametrize("secret", ["s3cr@et", "s3cr/et", "s3cr et", "s3cr?*et"])
@pytest.mark.parametrize(
    "words",
    [
        ["--bogus", "URL"],
        ["a.mp4", "URL"],
        ["a.mp4", "--every", "URL"],
        ["a.mp4", "--every=URL"],
        ["a.mp4", "--algo", "URL"],
        ["a.mp4", "--set", "URL"],
        ["refine", "URL"],
        ["refine", "a.txt", "-o", "URL"],
        ["bench", "--data", "URL", "--algo", "sort"],
        ["tune", "URL", "--algo", "sort"],
        ["doctor", "URL"],
        ["eval", "URL", "--gt", "URL"],
        ["reid", "train", "URL", "-o", "out"],
    ],
)
def test_no_command_echoes_a_password(
    words: list[str], secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with suppress(SystemExit):
        assert main([word.replace("URL", f"rtps://me:{secret}@cam/x") for word in words]) == 2
    out, err = capsys.readouterr()
    assert err.startswith(("track: ", "reid: "))
    assert "s3cr" not in out + err
    assert "et@" not in out + err
    assert not any("s3cr" in path.name for path in tmp_path.rglob("*"))


def test_a_url_is_no_folder_to_write_to(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^rtsp://me:\*\*\*@cam/x: is a URL; give a folder to write to"):
        fresh_folder("rtsp://me:s3cret@cam/x")


def test_control_characters_of_words_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["a.mp4", "--bogus\x1b[31m"])
    assert "\x1b" not in capsys.readouterr().err
