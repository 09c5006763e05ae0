"""Firefox ESR by Mozilla's own protocol: what a person does on a page, and nothing more."""

import subprocess
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

FLAGS = ("--headless", "--marionette", "--no-remote", "-remote-allow-system-access")
PREFERENCES = {
    "marionette.port": 0,
    "remote.prefs.recommended": True,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "intl.accept_languages": "en-GB",
}
TIMEOUT_S = 20.0
CONSOLE = """return Services.console.getMessageArray()
    .map(said => String(said.message || said)).filter(text => text.includes("Content-Security-Policy"))"""


class Firefox:
    """A window of a browser of its own."""

    def __init__(self, program: str, profile: Path) -> None:
        lines = [f'user_pref("{name}", {_javascript(value)});' for name, value in PREFERENCES.items()]
        (profile / "user.js").write_text("\n".join(lines))
        self._process = subprocess.Popen(
            [program, *FLAGS, "--profile", str(profile)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        told = profile / "MarionetteActivePort"
        port = until("Firefox tells its port", lambda: told.exists() and told.read_text().strip())
        self._driver = _marionette()(host="127.0.0.1", port=int(port))
        self._driver.start_session(timeout=60)

    def close(self) -> None:
        """End the browser."""
        self._driver.delete_session()
        self._process.terminate()
        self._process.wait(30)

    def go(self, address: str) -> None:
        """Open a page."""
        self._driver.navigate(address)

    @property
    def address(self) -> str:
        """Where the window is."""
        return str(self._driver.get_url())

    def see(self, selector: str, text: str = "") -> None:
        """Wait until an element that shows the text is there."""
        try:
            until(f"{selector} with {text!r}", lambda: self.count(selector, text))
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.address} shows: {self._shown()}") from error

    def see_no_more(self, selector: str, text: str = "") -> None:
        """Wait until no such element is shown."""
        until(f"no {selector} with {text!r}", lambda: not self.count(selector, text))

    def count(self, selector: str, text: str = "") -> int:
        """How many elements that show the text there are."""
        return int(self.ask(f"return ({FOUND})(arguments[0], arguments[1]).length", selector, text))

    def click(self, selector: str, text: str = "") -> None:
        """Click the first element that shows the text, as soon as it is there."""
        self.see(selector, text)
        self._element(selector, text).click()

    def type(self, selector: str, text: str) -> None:
        """Type into a field, behind what it holds."""
        self.see(selector)
        self._element(selector, "").send_keys(text)

    def value(self, selector: str) -> str:
        """What a field holds."""
        return str(self.ask("return document.querySelector(arguments[0]).value", selector))

    def ask(self, script: str, *values: object) -> Any:
        """What a script answers."""
        return self._driver.execute_script(script, script_args=values)

    def blocked(self) -> list[str]:
        """What the content policy had to block."""
        with self._driver.using_context("chrome"):
            return list(self._driver.execute_script(CONSOLE, sandbox="system"))

    def _shown(self) -> str:
        return str(self.ask("return document.body.innerText"))[:2000]

    def _element(self, selector: str, text: str) -> Any:
        return self.ask(f"return ({FOUND})(arguments[0], arguments[1])[0]", selector, text)


FOUND = """(selector, text) => [...document.querySelectorAll(selector)].filter(
    node => node.checkVisibility() && node.textContent.includes(text))"""


def until(what: str, probe: Callable[[], Any]) -> Any:
    """What `probe` gives as soon as it is true."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        found = probe()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {TIMEOUT_S:g} s: {what}")


def _marionette() -> Any:
    """Mozilla's client; importing it uses what its own dependencies have deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from marionette_driver.marionette import Marionette  # noqa: PLC0415
    return Marionette


def _javascript(value: object) -> str:
    return str(value).lower() if isinstance(value, bool | int) else f'"{value}"'
