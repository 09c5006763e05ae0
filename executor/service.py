"""Wires everything, in one place: what a service needs, from its settings to its engine."""

import importlib
import logging
import threading
from collections.abc import Mapping

from roadmark.executor.access import Access
from roadmark.executor.agents.registry import HandlerFactory, HandlerRegistry
from roadmark.executor.attempt import AttemptRunner
from roadmark.executor.clock import Clock, SystemClock
from roadmark.executor.config import Settings
from roadmark.executor.engine.base import Engine
from roadmark.executor.engine.embedded import EmbeddedEngine
from roadmark.executor.errors import WorkersRefused
from roadmark.executor.exchange import exchange_of
from roadmark.executor.far_ticks import FarTicks
from roadmark.executor.hooks import Hooks
from roadmark.executor.instance import InstanceLock, owner_of
from roadmark.executor.intake import Intake
from roadmark.executor.keeping_tracker import KeepingTracker
from roadmark.executor.landing import Landing
from roadmark.executor.leases import Leases
from roadmark.executor.limits import agent_slots
from roadmark.executor.manager import MigrationManager
from roadmark.executor.metrics import MigrationMetrics
from roadmark.executor.opening import Opening
from roadmark.executor.places import places_of
from roadmark.executor.prompt import Prompts
from roadmark.executor.pusher import Pusher
from roadmark.executor.recovery import Recovery
from roadmark.executor.reply_files import ReplyFiles
from roadmark.executor.retention import Retention
from roadmark.executor.rollback import MigrationRollback
from roadmark.executor.schedules import Schedules
from roadmark.executor.store.holding import Hold
from roadmark.executor.store.store import Store
from roadmark.executor.takeover import Takeover
from roadmark.executor.timers import Timers
from roadmark.executor.validator import MigrationValidator
from roadmark.executor.watcher import Watcher
from roadmark.executor.worker import Worker
from roadmark.executor.workspace.sandbox import SandboxProbe, probe_sandbox

log = logging.getLogger(__name__)

RESCAN_S = 30.0
"""How often the folder is read through whatever the watcher says."""


REPLIES_S = 2.0
"""How often the folder is looked through for replies."""

RETENTION_S = 3600.0
"""How often what is old enough is deleted."""

FORGET_S = 3600.0
"""How often expired keys, links and sessions are dropped."""


class Service:
    """Everything over one state directory. Made without side effects on others; `start` takes the lock."""

    def __init__(self, settings: Settings, clock: Clock | None = None, *, slots: int | None = None) -> None:
        """Open the state. `slots`: agents at once, if not as the settings say. Raises: DatabaseUnusable."""
        self.settings = settings
        self.clock = clock or SystemClock()
        settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.store = Store(settings.state_dir, self.clock, settings.database_url)
        self._is_distributed = settings.engine == "distributed"
        if self._is_distributed:
            self.store.queue_jobs()
        self.places = places_of(settings)
        self.exchange = exchange_of(self.store, self.places, settings.git_remote)
        self.tracker = KeepingTracker(self.store, self.store.mark.value)
        self.manager = MigrationManager(self.store, settings)
        self.metrics = MigrationMetrics(self.store)
        self.intake = Intake(self.store, settings)
        self.access = Access(self.store)
        self.sandbox: SandboxProbe = probe_sandbox(settings.sandbox)
        self.hooks = Hooks(self.store, self.places, settings.hooks, self.sandbox.kind)
        self.rollbacks = MigrationRollback(
            store=self.store,
            places=self.places,
            exchange=self.exchange,
            intake=self.intake,
            hooks=self.hooks,
            protected=settings.protected_branches,
        )
        self.registry = HandlerRegistry(settings.agents)
        self._stopping = threading.Event()
        self._lock = InstanceLock(settings.state_dir)
        self._leases = Leases(self.store, owner_of(settings.state_dir), settings.lease_s)
        self._recovery = Recovery(
            store=self.store,
            places=self.places,
            exchange=self.exchange,
            metrics=self.metrics,
            leases=self._leases,
        )
        self.takeover = Takeover(self.store, self._recovery, self._leases.lease_s)
        self._worker = self._make_worker()
        self.schedules = Schedules(self.store, self.manager)
        self.timers = Timers(self.store, self.manager, self.schedules, settings.remind_s)
        self.engine: Engine = self._make_engine(settings.slot_count() if slots is None else slots)
        self.retention = Retention(
            self.store, self.places, self.exchange, settings.retention_days, self._stopping
        )
        self._reply_files = ReplyFiles(self.store, self.manager, settings.specs)
        self._watcher = Watcher(self.intake, self._stopping)
        self._pusher = Pusher(self.store, self.places, "" if settings.git_remote else settings.push_remote)

    def start(self, what: str) -> None:
        """Take the state directory, put right what a crash left, then watch and work.

        Raises: StateDirInUse, DatabaseUnusable where another service has the database.
        """
        self._hold(what, Hold.SERVING if self._is_distributed else Hold.ALONE)
        self.settings.specs.mkdir(parents=True, exist_ok=True)
        self.intake.keep_the_folder()
        self._watcher.start()
        self._pusher.start()
        self.engine.start()
        self.engine.lead()
        self.engine.aside(RESCAN_S, self.intake.rescan_unless_scanning, "rescan")
        self.engine.every(FORGET_S, self.access.forget_expired, "forget")
        self.engine.aside(RETENTION_S, self.retention.sweep, "retention")
        if not self._is_distributed:
            self.engine.aside(self._leases.lease_s, self.takeover.look, "takeover")
        if self.settings.git_remote:
            self.engine.aside(REPLIES_S, FarTicks(self.store, self.intake).bring, "far ticks")
        self.engine.every(REPLIES_S, self._reply_files.take, "replies")

    def work(self, what: str) -> None:
        """Take the state directory, put right what a crash left of ours, then carry out beside others.

        Raises: WorkersRefused, StateDirInUse, DatabaseUnusable where a service works on the database alone.
        """
        if not self._is_distributed:
            raise WorkersRefused('[run] engine is not "distributed"')
        if not self.settings.git_remote:
            raise WorkersRefused("[git] remote is not set, by which workers get the files")
        self._hold(what, Hold.WORKING)
        self.engine.start()
        self.engine.aside(RETENTION_S, self.retention.sweep, "retention")

    def hold(self, what: str) -> None:
        """Take state directory and database, put right what a crash left.

        Raises: StateDirInUse, DatabaseUnusable where another service has the database.
        """
        self._hold(what, Hold.WORKING if self._is_distributed else Hold.ALONE)

    def _hold(self, what: str, how: Hold) -> None:
        self._lock.take(what)
        self.store.hold(what, how)
        if how is Hold.ALONE:
            self._recovery.after_all()
        else:
            self._recovery.after_own()
        if how is not Hold.WORKING:
            self.store.write(self.schedules.remake)

    def advance(self, migration_id: str) -> None:
        """Take one migration as far as it goes, here and now; the state directory is held."""
        self._worker.advance(migration_id)

    def stop(self) -> None:
        """End running attempts as interrupted, then close everything."""
        self._stopping.set()
        self.intake.end()
        self.engine.stop()
        self._watcher.join()
        self._pusher.stop()
        self._leases.end()
        self.store.close()
        self._lock.release()

    def health(self) -> Mapping[str, bool]:
        """Named checks for /readyz."""
        return {
            "database": self._database_answers(),
            "engine": self.engine.is_alive,
            "watcher": self._watcher.is_alive,
        }

    def _make_engine(self, slots: int) -> Engine:
        limits = agent_slots(self.settings)
        if not self._is_distributed:
            labels = self.settings.host_labels
            return EmbeddedEngine(self.store, self.timers, self._worker, slots, limits, labels)
        distributed = importlib.import_module("roadmark.executor.engine.distributed")
        engine: Engine = distributed.DistributedEngine(
            store=self.store,
            timers=self.timers,
            takeover=self.takeover,
            worker=self._worker,
            agents=list(self.settings.agents),
            host_labels=self.settings.host_labels,
            slots=slots,
            agent_slots=limits,
            lease_s=self._leases.lease_s,
        )
        return engine

    def _database_answers(self) -> bool:
        try:
            self.tracker.last_seq()
        except Exception:  # whatever it is, the answer is no
            log.warning("the database does not answer", exc_info=True)
            return False
        return True

    def _make_worker(self) -> Worker:
        attempts = AttemptRunner(
            store=self.store,
            settings=self.settings,
            places=self.places,
            exchange=self.exchange,
            factory=HandlerFactory(self.registry, self.sandbox, self.settings.memory_limit_bytes),
            validator=MigrationValidator(self.settings, self.places, self.sandbox.kind),
            prompts=Prompts(self.settings.state_dir / "prompts"),
            metrics=self.metrics,
            clock=self.clock,
            stopping=self._stopping,
        )
        return Worker(
            store=self.store,
            leases=self._leases,
            exchange=self.exchange,
            opening=Opening(self.store, self.places, self.exchange),
            attempts=attempts,
            landing=Landing(
                store=self.store,
                places=self.places,
                exchange=self.exchange,
                intake=self.intake,
                hooks=self.hooks,
                protected=self.settings.protected_branches,
            ),
            rollbacks=self.rollbacks,
            settings=self.settings,
        )
