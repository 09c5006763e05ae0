"""The journal has one index, by task: each entry of a migration names its task, too."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_INDEX, _TABLE = "ix_migration_tracking_migration_id_seq", "migration_tracking"


def upgrade() -> None:
    """An entry of many migrations at once cost a page of this index each."""
    op.drop_index(op.f(_INDEX), table_name=_TABLE)


def downgrade() -> None:
    """Index the migrations again."""
    op.create_index(op.f(_INDEX), _TABLE, ["migration_id", "seq"])
