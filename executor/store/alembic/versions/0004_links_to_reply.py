"""Links that let one person answer one question."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the links."""
    op.create_table(
        "reply_links",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("wait_id", sa.String(length=36), nullable=False),
        sa.Column("migration_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_reply_links")),
    )


def downgrade() -> None:
    """Take the links away."""
    op.drop_table("reply_links")
