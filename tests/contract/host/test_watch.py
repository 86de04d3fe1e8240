"""--watch: real files, real changes, real notifications of the operating system."""

import os
import time
from pathlib import Path

import httpx
import pytest

from retrain.local.host.code_watch import CodeWatch
from tests.contract.host.stage import Stage, until

APP = """
    from rooms.name import NAME
    app = func.FunctionApp(http_auth_level="ANONYMOUS")

    @app.route("name")
    def named(req): return NAME
"""


class App:
    """The folder of a watched app, its host, and what the host said."""

    def __init__(self, stage: Stage, client: httpx.Client) -> None:
        self.root = stage.folder / "app"
        (self.root / "rooms").mkdir(parents=True)
        (self.root / "notes").mkdir()
        self.write("rooms/__init__.py", "")
        self.write("rooms/name.py", 'NAME = "first"\n')
        self.said: list[str] = []
        self.host = stage.host(APP, watch=True, say=self.said.append)
        self._client = client

    def write(self, file: str, text: str) -> Path:
        path = self.root / file
        path.write_text(text)
        return path

    def answer(self) -> str:
        return self._client.get(f"{self.host.url}/name").text


def test_changed_code_answers(stage: Stage, client: httpx.Client) -> None:
    app = App(stage, client)
    assert app.answer() == "first"
    for name in ("other", "third"):  # as long as the first, and perhaps within one second
        app.write("rooms/name.py", f'NAME = "{name}"\n')
        until(lambda name=name: app.answer() == name)  # type: ignore[misc]


def test_what_changes_before_the_watch_begins_is_seen(stage: Stage, client: httpx.Client) -> None:
    """The app itself changes what it was loaded from, while it is loaded."""
    said: list[str] = []
    (stage.folder / "app" / "rooms").mkdir(parents=True)
    (stage.folder / "app" / "rooms" / "name.py").write_text('NAME = "first"\n')
    changing = """
        from pathlib import Path
        from rooms.name import NAME
        if NAME == "first":
            (Path(__file__).parent / "rooms" / "name.py").write_text('NAME = "second"\\n')
        app = func.FunctionApp(http_auth_level="ANONYMOUS")

        @app.route("name")
        def named(req): return NAME
    """
    host = stage.host(changing, watch=True, say=said.append)
    until(lambda: client.get(f"{host.url}/name").text == "second")
    assert len(said) == 1


def test_a_fault_is_told_and_its_repair_is_seen(stage: Stage, client: httpx.Client) -> None:
    app = App(stage, client)
    app.write("rooms/name.py", "NAME = = 1\n")
    until(lambda: app.said and "SyntaxError" in app.said[-1])
    assert app.answer() == "Function host is not running."
    app.write("rooms/name.py", 'NAME = "repaired"\n')
    until(lambda: app.answer() == "repaired")


def test_what_is_not_the_apps_is_no_change(stage: Stage, client: httpx.Client) -> None:
    app = App(stage, client)
    app.write("notes/draft.py", "x = (\n")
    app.write("rooms/readme.txt", "hello")
    app.write("other.py", "x = (\n")
    app.write("rooms/name.py", 'NAME = "other"\n')
    until(lambda: app.answer() == "other")
    assert app.said == ["Reloaded: 1 function."]


def test_new_folders_of_a_package_are_watched_too(stage: Stage, client: httpx.Client) -> None:
    app = App(stage, client)
    (app.root / "rooms" / "inner").mkdir()
    app.write("rooms/inner/__init__.py", 'NAME = "inner"\n')
    app.write("rooms/name.py", "from rooms.inner import NAME\n")
    until(lambda: app.answer() == "inner")
    app.write("rooms/inner/__init__.py", 'NAME = "changed"\n')
    until(lambda: app.answer() == "changed")


def test_an_app_that_is_broken_from_the_start_is_waited_for(
    stage: Stage, client: httpx.Client
) -> None:
    root = stage.app("import rooms\n")
    said: list[str] = []
    host = stage.host_at(root, watch=True, say=said.append)
    assert host.error is not None
    assert "rooms" in host.error
    (root / "rooms.py").write_text("")
    until(lambda: said and "0 function apps" in said[-1])
    app = (
        'app = func.FunctionApp()\n@app.route("x", auth_level="ANONYMOUS")\ndef x(req): return "x"'
    )
    stage.app(f"import rooms\n{app}")
    until(lambda: client.get(f"{host.url}/x").text == "x")


class Loaded:
    """An app that was loaded a minute ago, from its entry alone."""

    def __init__(self) -> None:
        self.loading_since = time.time() - 60

    def packages(self) -> frozenset[str]:
        return frozenset({"function_app.py"})

    async def reload(self) -> None:
        raise AssertionError("nobody watches")


@pytest.mark.parametrize(("ago", "missed"), [(90, False), (30, True), (-3600, False)])
def test_a_file_of_a_time_to_come_is_no_change_forever(
    tmp_path: Path, ago: int, missed: bool
) -> None:
    """A machine whose clock is ahead wrote it: no reload would ever be after that."""
    file = tmp_path / "function_app.py"
    file.write_text("")
    at = time.time() - ago
    os.utime(file, (at, at))
    watch = CodeWatch(tmp_path, tmp_path / "data", Loaded())
    assert watch._missed(frozenset({tmp_path})) is missed
