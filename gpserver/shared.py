"""A PostgreSQL database that several machines share: its connections, and how long it may take to answer."""

import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from gpserver.errors import GPServerError, Unavailable

_CONNECTIONS = 10
_STATEMENT = 10.0  # seconds that one statement may take, its locks included; ours take milliseconds
_PATIENCE = 3  # seconds for a connection, be it a new one or one that is in use

# A host that a cut network or a power cut took away is noticed after some seconds, not after Linux' quarter
# of an hour: what was sent must be acknowledged (tcp(7), TCP_USER_TIMEOUT), and who is silent is asked.
_LIMITS = {
    "connect_timeout": _PATIENCE,
    "tcp_user_timeout": 5000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
}
# The other side likewise: whoever is frozen or gone amid a transaction must not keep its rows from all
# others, and what nobody waits for any more must not be done later.
_SERVER_LIMITS = (
    "SET idle_in_transaction_session_timeout = '9s';"
    " SET tcp_user_timeout = 5000; SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2;"
    " SET tcp_keepalives_count = 2"
)
_STATEMENT_LIMIT = "SET statement_timeout = '9s'"


def limited(url: str) -> str:
    """The connection string with limits of time, where it does not name its own.

    Raises:
        GPServerError: It is none.
    """
    try:
        return make_conninfo("", **(_LIMITS | conninfo_to_dict(url)))
    except psycopg.ProgrammingError as error:
        raise GPServerError(f"The setting store is no postgresql:// URL: {error}") from None


def connect(url: str) -> psycopg.Connection[Any]:
    """A connection beside those of a ``SharedDatabase``, with the same limits of time."""
    return _Connection.connect(limited(url), autocommit=True)


class SharedDatabase:
    """Its connections, lent to the threads that ask; safe to use from any thread.

    Args:
        url: ``postgresql://user:password@host/database``; a ``search_path`` in it names a schema.

    Raises:
        GPServerError: The database cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self.url = limited(url)
        try:
            # Not from the pool: that would try again for long, and not say why.
            psycopg.connect(self.url).close()
        except psycopg.Error as error:
            raise GPServerError(f"The database of jobs cannot be used: {error}") from error
        self._away, self._probe = False, Lock()
        self._pool = ConnectionPool(
            self.url,
            connection_class=_Connection,
            kwargs={"autocommit": True},
            min_size=1,
            max_size=_CONNECTIONS,
            timeout=_PATIENCE,
            reconnect_timeout=_PATIENCE,  # then the next who asks tries again, and not a clock minutes later
            configure=_limit,
            open=True,
        )

    @contextmanager
    def transaction(self) -> Iterator["Cursor"]:
        """Several statements, all or none.

        Raises:
            Unavailable: The database is away or does not answer; of a commit nobody knows then.
        """
        with self._connection() as connection, connection.transaction():
            yield Cursor(connection)

    @contextmanager
    def alone(self, lock: int) -> Iterator["Cursor"]:
        """A transaction of any length on a connection of its own; one at a time holds a lock of that number.

        Raises:
            GPServerError: The database refuses what is asked, or is away.
        """
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                # Everybody who starts waits for the lock: whoever freezes or goes away must not keep it.
                connection.execute(_SERVER_LIMITS)
                with connection.transaction():
                    yield _locked(connection, lock)
        except psycopg.Error as error:
            raise GPServerError(f"The tables of the database cannot be changed: {error}") from error

    def rows(self, query: str, *values: object) -> list[Any]:
        """All rows of one query.

        Raises:
            Unavailable: The database is away or does not answer.
        """
        with self._connection() as connection:
            return list(Cursor(connection).execute(query, values).fetchall())

    def close(self) -> None:
        """Let go of all connections."""
        self._pool.close()

    @contextmanager
    def _connection(self) -> Iterator["_Connection"]:
        """Borrow a connection; while the database is away, one of those who ask waits for it."""
        probing = self._away
        if probing and not self._probe.acquire(blocking=False):
            raise Unavailable(_AWAY)
        try:
            connection = self._living()
            self._away = False
            try:
                yield connection
            finally:
                self._pool.putconn(connection)
        except psycopg.OperationalError as error:
            # Who waited in vain has done so for all others.
            self._away = isinstance(error, PoolTimeout | _Silent)
            raise Unavailable(_AWAY) from error
        finally:
            if probing:
                self._probe.release()

    def _living(self) -> "_Connection":
        while _is_dead(connection := self._pool.getconn()):
            connection.close()
            self._pool.putconn(connection)
        return connection


_AWAY = "The database of jobs does not answer. Ask again in some seconds, or tell the operator of the server."


class Cursor:
    """Statements as SQLite writes them, with what PostgreSQL's text cannot hold replaced."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Sequence[object] = ()) -> Any:
        """Run a statement with values for its ``?``; its rows come from ``fetchall`` of what this gives."""
        return self._connection.execute(_marked(statement), _held(values))

    def executemany(self, statement: str, rows: Sequence[Sequence[object]]) -> Any:
        """Run a statement for each row of values."""
        with self._connection.cursor() as cursor:
            cursor.executemany(_marked(statement), [_held(row) for row in rows])

    def script(self, text: str) -> None:
        """Run statements as they are."""
        self._connection.execute(text.encode())


class _Silent(psycopg.OperationalError):
    """The server takes what it is sent, and does not answer."""


class _Connection(psycopg.Connection[Any]):
    """One that is closed when the server does not answer in time, be it frozen or its network cut."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As psycopg's, which every statement goes through."""
        try:
            return super().wait(gen, interval, _STATEMENT if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if self.pgconn.transaction_status != psycopg.pq.TransactionStatus.ACTIVE:
                raise
            self.pgconn.finish()  # it still waits for an answer, and so would a rollback
            raise _Silent(f"no answer in {_STATEMENT:g} seconds") from error


def _limit(connection: psycopg.Connection[Any]) -> None:
    connection.execute(f"{_SERVER_LIMITS}; {_STATEMENT_LIMIT}".encode())


def _locked(connection: psycopg.Connection[Any], lock: int) -> Cursor:
    cursor = Cursor(connection)
    cursor.execute("SELECT pg_advisory_xact_lock(?)", [lock])
    return cursor


def _is_dead(connection: psycopg.Connection[Any]) -> bool:
    """Whether the server has closed a connection since it was used last; costs no round trip."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))  # between two statements a server has nothing to say but that it goes


def _marked(statement: str) -> bytes:
    # Our own constant texts: no question mark of theirs is anything but the place of a value.
    return statement.replace("%", "%%").replace("?", "%s").encode()


def _held(values: Sequence[object]) -> list[object]:
    return [value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in values]
