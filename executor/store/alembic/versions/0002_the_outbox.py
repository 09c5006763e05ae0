"""The outbox: messages to the outside, and how far the journal was looked at for each endpoint."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the outbox."""
    op.create_table(
        "outbox_positions",
        sa.Column("endpoint", sa.String(length=80), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint", name=op.f("pk_outbox_positions")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("endpoint", sa.String(length=80), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("tries", sa.JSON(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("endpoint", "seq", name=op.f("uq_outbox_endpoint_seq")),
    )
    op.create_index(op.f("ix_outbox_endpoint_state_due_at"), "outbox", ["endpoint", "state", "due_at"])


def downgrade() -> None:
    """Take the outbox away."""
    op.drop_table("outbox")
    op.drop_table("outbox_positions")
