"""All settings as one frozen object."""

from pydantic_settings import SettingsConfigDict

from jobs.settings.console import ConsoleSettings
from jobs.settings.engines import EngineSettings
from jobs.settings.gpu import GpuSettings
from jobs.settings.keeping import KeepingSettings
from jobs.settings.names import PREFIX
from jobs.settings.outside import OutsideSettings
from jobs.settings.servers import ServerSettings
from jobs.settings.watching import WatchingSettings
from jobs.settings.work import WorkSettings


class Settings(
    WorkSettings,
    KeepingSettings,
    OutsideSettings,
    WatchingSettings,
    EngineSettings,
    GpuSettings,
    ConsoleSettings,
    ServerSettings,
):
    """Names are the environment's without the prefix; every unit is in the name."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)
