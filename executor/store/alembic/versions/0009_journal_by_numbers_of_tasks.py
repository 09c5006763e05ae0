"""The journal's index is by a task's number: a fifth of the bytes, and tasks that run together lie together."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TABLE = "migration_tracking"
_OLD, _NEW = "ix_migration_tracking_task_id_seq", "ix_migration_tracking_task_number_seq"
_NUMBER = """
INSERT INTO journal_tasks (number, task_id)
SELECT row_number() OVER (ORDER BY min(seq)), task_id
FROM migration_tracking WHERE task_id IS NOT NULL GROUP BY task_id
"""
_FILE = """
UPDATE migration_tracking SET task_number =
    (SELECT number FROM journal_tasks WHERE journal_tasks.task_id = migration_tracking.task_id)
"""


def upgrade() -> None:
    """Number the tasks in the order in which the journal tells of them."""
    op.create_table(
        "journal_tasks",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("task_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_journal_tasks")),
        sa.UniqueConstraint("task_id", name=op.f("uq_journal_tasks_task_id")),
    )
    op.add_column(_TABLE, sa.Column("task_number", sa.Integer(), nullable=True))
    op.execute(_NUMBER)
    op.execute(_FILE)
    op.drop_index(op.f(_OLD), table_name=_TABLE)
    op.create_index(op.f(_NEW), _TABLE, ["task_number", "seq"])


def downgrade() -> None:
    """Index by the task's id again."""
    op.create_index(op.f(_OLD), _TABLE, ["task_id", "seq"])
    op.drop_index(op.f(_NEW), table_name=_TABLE)
    op.drop_column(_TABLE, "task_number")
    op.drop_table("journal_tasks")
