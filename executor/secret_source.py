"""Where a secret is kept: an environment variable or a file of the operator's, never a setting itself."""

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roadmark.executor.errors import ConfigurationWrong

_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSource:
    """Names the place of a secret. It is read when it is used, so that a new one needs no restart."""

    where: str
    variable: str | None = None
    file: Path | None = None

    def read(self, environment: Mapping[str, str]) -> str:
        """The secret. Raises: ConfigurationWrong where it is not there, or others may read its file."""
        secret = environment.get(self.variable, "") if self.variable else self._in_file()
        if not secret.strip():
            raise ConfigurationWrong(
                self.where, f"the secret is empty; set {self.variable or f'the content of {self.file}'}"
            )
        return secret.strip()

    def _in_file(self) -> str:
        assert self.file is not None  # noqa: S101 - read_secret_source sees to it
        try:
            mode = self.file.stat().st_mode
            if not stat.S_ISREG(mode) or mode & 0o077:
                why = f"{self.file} may be read by others; 'chmod 600 {self.file}'"
                raise ConfigurationWrong(self.where, why)
            return self.file.read_bytes()[:_MOST_BYTES].decode("utf-8", "replace")
        except OSError as error:
            raise ConfigurationWrong(self.where, f"cannot read {self.file}: {error.strerror}") from error


def read_secret_source(where: str, name: str, entry: Mapping[str, Any], base: Path) -> SecretSource:
    """The place that `<name>_env` or `<name>_file` of a table gives. Raises: ConfigurationWrong."""
    variable, file = entry.get(f"{name}_env"), entry.get(f"{name}_file")
    if name in entry:
        raise ConfigurationWrong(
            f"{where} {name}", f"does not belong into this file; name a variable with {name}_env, or a file"
        )
    given = [value for value in (variable, file) if isinstance(value, str) and value]
    if len(given) != 1:
        raise ConfigurationWrong(where, f"needs {name}_env or {name}_file, one of them")
    return SecretSource(
        where=where,
        variable=variable or None,
        file=base / Path(str(file)).expanduser() if file else None,
    )
