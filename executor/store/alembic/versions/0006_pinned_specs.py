"""Pinned specs apart from the migrations: a change of a migration's row does not write its spec again."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_COPY = """
INSERT INTO pinned_specs (sha256, content)
SELECT spec_sha256, min(spec_content) FROM migrations GROUP BY spec_sha256
"""
_COPY_BACK = """
UPDATE migrations SET spec_content =
    coalesce((SELECT content FROM pinned_specs WHERE sha256 = migrations.spec_sha256), '')
"""


def upgrade() -> None:
    """Keep each text once."""
    op.create_table(
        "pinned_specs",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_pinned_specs")),
    )
    op.execute(_COPY)
    op.drop_column("migrations", "spec_content")


def downgrade() -> None:
    """Put the texts back into the migrations' rows."""
    op.add_column("migrations", sa.Column("spec_content", sa.Text(), nullable=False, server_default=""))
    op.execute(_COPY_BACK)
    op.drop_table("pinned_specs")
