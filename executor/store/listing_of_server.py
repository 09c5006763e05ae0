"""The list of tasks of a database on a server: the same question as for a file, asked through SQLAlchemy."""

import sqlalchemy as sa
from roadmark.executor.store.listing import LIST, ListedTask, listed
from roadmark.executor.store.reading import Readable


def list_tasks_of(source: Readable) -> list[ListedTask]:
    """Every task by its file; withdrawn ones that never ran left out."""
    with source.read() as connection:
        return [listed(row) for row in connection.execute(sa.text(LIST))]
