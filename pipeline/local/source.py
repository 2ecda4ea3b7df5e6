"""Which exchange a stack reads: decided once at start, with the data directory that belongs to it."""

import hashlib
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.domain.faults import MisconfiguredError
from pipeline.local.exchange import Get, Preflight, Standing, ask_exchange
from pipeline.settings import BINANCE_REST_URL, Settings


@dataclass(frozen=True, slots=True)
class Source:
    """What is read: ``setting`` as SOURCE says it to the stages, ``mark`` as a store writes it down."""

    setting: str
    mark: str
    data_dir: Path

    @property
    def simulated(self) -> bool:
        """Whether the exchange runs on this machine."""
        return self.setting != "binance"


def decide(
    environment: Mapping[str, str], root: Path, *, tell: Callable[[str], None], ask: Get | None = None
) -> Source:
    """The source that SOURCE names; ``auto`` is Binance if that answers. ``ask`` puts the one question to it.

    Raises MisconfiguredError, also where SOURCE=binance and waiting will not make Binance serve this place.
    """
    setting = environment.get("SOURCE") or "auto"
    if setting in ("auto", "binance"):
        preflight = ask_exchange(environment.get("BINANCE_REST_URL") or BINANCE_REST_URL, ask)
        setting = _live_or_not(setting, preflight, tell)
    kind, _, path = setting.partition(":")
    if kind == "replay" and path:
        return _replay(path, root, shifted=Settings.from_environment(environment).replay_shift)
    if setting == "simulator":
        return Source("simulator", f"simulator:seed={environment.get('SIMULATOR_SEED') or 1}", root / "sim")
    if setting == "binance":
        return Source("binance", "binance", root)
    raise MisconfiguredError(f"SOURCE is {setting!r}; expected auto, binance, simulator or replay:PATH")


def _live_or_not(setting: str, preflight: Preflight, tell: Callable[[str], None]) -> str:
    """``binance`` or ``simulator``, and why, told. Raises MisconfiguredError where Binance was insisted on in vain."""
    if preflight.standing is Standing.ANSWERS:
        tell("source: Binance answers, so this is the live market")
        return "binance"
    if setting == "auto":
        tell(f"source: simulator, because {preflight.said}; SOURCE=binance insists on Binance")
        return "simulator"
    if preflight.standing.is_lasting:
        raise MisconfiguredError(f"{preflight.said}; {preflight.way_out}")
    tell(f"source: Binance, though {preflight.said}; ingest goes on trying, ./run doctor says more")
    return "binance"


def _replay(text: str, root: Path, *, shifted: bool) -> Source:
    paths = [Path(name.strip()).expanduser().resolve() for name in text.split(",") if name.strip()]
    for path in paths:
        if not path.exists():
            raise MisconfiguredError(f"SOURCE=replay: {path} does not exist; give a file, a comma list or a folder")
    setting = ",".join(str(path) for path in paths)
    slug = _slug(paths, shifted=shifted)
    return Source(f"replay:{setting}", f"replay:{slug}", root / "replay" / slug)


def _slug(paths: list[Path], *, shifted: bool) -> str:
    """The recordings' names, readable and safe in a path, and a digest of where they lie and whether times shift."""
    names = "+".join(re.sub(r"[^A-Za-z0-9_-]+", "-", path.name) for path in paths)
    whole = "\0".join([*map(str, paths), f"shift={shifted}"])
    return f"{names[:70]}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def begin_anew(source: Source, root: Path) -> bool:
    """Empty a replay's own folder under ``root``, if it holds anything: one run of a replay is one store.

    A second run would send ids the shelves already hold, and nothing of it would be served. Any other source keeps
    its data. Raises MisconfiguredError, with nothing deleted, if a link leads the folder elsewhere.
    """
    folder = source.data_dir
    if not source.setting.startswith("replay:") or not folder.exists() or not any(folder.iterdir()):
        return False
    if folder.resolve() != folder or folder.parent != root.resolve() / "replay":
        raise MisconfiguredError(f"{folder} leads elsewhere, so it was not emptied; remove the link, or set DATA_DIR")
    shutil.rmtree(folder)
    return True
