"""On PostgreSQL: numbers that do not overflow, and an order of names that is everywhere the same.

SQLite's integers have 64 bits and its text is ordered by its bytes already.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_COUNTED = (
    ("migration_tracking", "seq"),
    ("outbox", "seq"),
    ("outbox_positions", "seq"),
    ("attempts", "tokens_in"),
    ("attempts", "tokens_out"),
)
_ORDERED = (("tasks", "source_path"), ("task_items", "key"), ("checkpoints", "name"))


def upgrade() -> None:
    """Make the numbers long, and order by bytes."""
    if op.get_bind().dialect.name == "postgresql":
        _alter(_COUNTED, "TYPE BIGINT")
        _alter(_ORDERED, 'TYPE TEXT COLLATE "C"')


def downgrade() -> None:
    """Make the numbers short, and order as the database does."""
    if op.get_bind().dialect.name == "postgresql":
        _alter(_ORDERED, 'TYPE TEXT COLLATE "default"')
        _alter(_COUNTED, "TYPE INTEGER")


def _alter(columns: tuple[tuple[str, str], ...], how: str) -> None:
    for table, column in columns:
        op.execute(f'ALTER TABLE {table} ALTER COLUMN "{column}" {how}')
