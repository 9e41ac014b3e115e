"""A deployment whose engine is the cloud: door, timetable and two workers on real servers, and a false upstream."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import httpx

from cli import environment, processes
from cli.fake_wavespeed.faults import SWITCHES
from cli.fake_wavespeed.plan import Key
from jobs import accounts, database, ledger, schema, storage
from jobs.rules.tiers import TIERS
from jobs.tables import Account
from tests.fakes.wavespeed import Fake, wavespeed
from tests.story.chaos import ear
from tests.story.chaos.ear import Ear
from tests.story.chaos.payers import Payer
from tests.story.cloud.plan import PAYERS, RATES, USUAL_RATE, Plan
from tests.story.crew import Crew
from tests.story.ground import Ground, ground
from tests.story.house import QUICK, House, house, wait_for

KEYS = (Key("the-first-upstream-key", TIERS["gold"]), Key("the-second-upstream-key", TIERS["silver"]))
SLOTS = 6

_LATE_SECONDS = 2.5
_LIST_LAG_SECONDS = 0.5
_VIDEO_BYTES = 150_000
_SETTINGS = {
    "DUOLOGUE_ENGINES": "cloud",
    "DUOLOGUE_LEASE_SECONDS": "10",
    "DUOLOGUE_ATTEMPTS_MAX": "5",
    "DUOLOGUE_MINIMUM_SECONDS": "1",
    "DUOLOGUE_WAVESPEED_POLL_SECONDS": "2",
    "DUOLOGUE_WAVESPEED_DOUBT_SECONDS": "5",
    "DUOLOGUE_WAVESPEED_COLLECT_SECONDS": "20",
    # Well above what the upstream's list lags, for both sides run on a machine that may stand still for a while.
    "DUOLOGUE_WAVESPEED_LIST_LAG_SECONDS": "8",
}
_FEW_AT_ONCE = 12
_TO_BEGIN_WITH_USD = Decimal(2)


@dataclass(frozen=True)
class World:
    """Everything of one run."""

    ground: Ground
    house: House
    crew: Crew
    ear: Ear
    fake: Fake
    payers: tuple[Payer, ...]
    folder: Path

    @property
    def urls(self) -> tuple[str, ...]:
        return (self.house.url,)

    def wait_until_open(self) -> None:
        wait_for(lambda: _is_ready(self.house.url), f"the door is open; see {self.folder}")

    def logs(self) -> list[Path]:
        """What our own programs and the servers under them wrote."""
        return [*self.house.folder.glob("*.log"), *self.ground.data.glob("logs/*.log*")]

    def end_what_never_ends(self) -> None:
        """Have the upstream lose patience itself with what it still has."""
        for job in self.fake.jobs():
            if job["status"] in {"created", "processing"}:
                self.fake.finish(job["id"], code=5000)


@contextmanager
def world(plan: Plan) -> Iterator[World]:
    """Everything up and supervised; the settings of this process lead to it."""
    folder = Path(tempfile.mkdtemp(prefix="duologue-cloud-"))
    folder.chmod(0o755)  # the database's user must be able to walk to its files
    with ground(folder / "data") as servers, Ear(plan.seed) as hearing, _upstream(plan) as fake:
        environment.adopt({**servers.environment, **QUICK, **ear.SETTINGS, **_SETTINGS, **_chosen(plan, fake)})
        schema.upgrade()
        storage.make_bucket()
        payers = tuple(_payer(number) for number in range(PAYERS))
        with house({"TMPDIR": str(folder)}, folder, payers[0].key, **_SETTINGS) as built:
            crew = Crew(built, _programs(built))
            with crew.at_work():
                yield World(servers, built, crew, hearing, fake, payers, folder)


def clear_away(made: World) -> None:
    shutil.rmtree(made.folder)


def rates() -> dict[str, float]:
    """How often each switch strikes."""
    return dict.fromkeys(SWITCHES, USUAL_RATE) | RATES


def _upstream(plan: Plan) -> AbstractContextManager[Fake]:
    return wavespeed(
        seed=plan.seed,
        keys=KEYS,
        faults=rates(),
        speed=0.3,
        latency_seconds=0.01,
        video_bytes=_VIDEO_BYTES,
        list_lag_seconds=_LIST_LAG_SECONDS,
        late_seconds=_LATE_SECONDS,
        minimum_seconds=1,
    )


def _chosen(plan: Plan, fake: Fake) -> dict[str, str]:
    return {
        "DUOLOGUE_WAVESPEED_URL": fake.url,
        "DUOLOGUE_WAVESPEED_API_KEYS": ",".join(f"{key.text}:{key.tier.name}" for key in KEYS),
        "DUOLOGUE_WAVESPEED_INPUTS": plan.inputs,
        "DUOLOGUE_WAVESPEED_CALLBACKS": str(plan.has_callbacks).lower(),
        "DUOLOGUE_RUN_SECONDS": str(plan.run_seconds),
    }


def _payer(number: int) -> Payer:
    """One who has few jobs at once, one who pays for what he cancels, one who lets be sent again what is unproven."""
    with database.transaction() as session:
        row, key = accounts.create_key(session, name="cloud", account=f"cloud-{number}")
        account = session.get_one(Account, row.account_id)
        account.is_prepaid = True
        account.running_max = _FEW_AT_ONCE if number == 0 else None
        account.pays_cancelled = number == 1
        account.resends_unproven = number == PAYERS - 1
        ledger.top_up(session, account.id, _TO_BEGIN_WITH_USD, "to begin with")
    return Payer(row.account_id, key)


def _programs(built: House) -> dict[str, processes.Program]:
    port = int(built.url.rpartition(":")[2])
    worker = processes.worker(["cloud"], SLOTS, drain_seconds=10)
    return {
        "door": processes.front_door("127.0.0.1", port),
        "timetable": processes.timetable(),
        "worker 0": worker,
        "worker 1": worker,
    }


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", timeout=2).is_success
    except httpx.TransportError:
        return False
