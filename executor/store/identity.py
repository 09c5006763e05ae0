"""What the present database is called and which schema it has, for whoever opens it."""

DATABASE = "roadmark.db"
"""The name of the database in a state directory."""

REVISION = "0009"
"""The revision of the schema that this program reads; the last one under alembic/versions."""
