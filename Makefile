# Two commands for a fresh machine: `make run` and `make test`. Both set up what they need.
.PHONY: run test test-agents check install clean

run: .venv/ready
	@scripts/run

test: .venv/ready
	@scripts/test

# Opt-in: installs real agents from the npm registry and drives them against a scripted model on loopback.
test-agents: .venv/ready
	@scripts/test-agents

check: .venv/ready
	@scripts/check

install: .venv/ready

.venv/ready: pyproject.toml constraints.txt scripts/install
	@scripts/install

clean:
	rm -rf .venv build dist .coverage* .pytest_cache .mypy_cache .ruff_cache
