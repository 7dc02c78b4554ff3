"""What every test may ask for."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with published generators' images, which is never part of the repository."""
    folder = Path(os.environ.get("MANIFPT_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "gm-cifar10-wild" / "manifest.csv").exists():
        pytest.skip(f"needs the published images in {folder} (set MANIFPT_DATA)")
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the user's cache out of the tests, and the tests out of the user's cache."""
    monkeypatch.setenv("MANIFPT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def small_disk(tmp_path: Path) -> Callable[..., list[str]]:
    """Gives the words before a command that let it see a small disk at ``tmp_path / "disk"``, with a copy on it."""
    (tmp_path / "disk").mkdir()

    def words(size: str, *, copied: Path | None = None) -> list[str]:
        mount = f"mount -t tmpfs -o size={size} tmpfs {shlex.quote(str(tmp_path / 'disk'))}"
        copy = f"cp -r {shlex.quote(str(copied))} {shlex.quote(str(tmp_path / 'disk'))}" if copied else "true"
        shell = ["sh", "-c", f'{mount} && {copy} && exec "$@"', "sh"]
        return ["unshare", "--user", "--map-root-user", "--mount", *shell]

    if (
        not shutil.which("unshare")
        or subprocess.run([*words("1m"), "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("needs unshare and user namespaces to mount a small disk")
    return words


@pytest.fixture
def powerless() -> list[str]:
    """The words before a command that let permissions bind it, as they do not bind root."""
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        pytest.skip("permissions do not bind root, and there is no setpriv to give its powers up")
    return ["setpriv", "--inh-caps=-all", "--bounding-set=-all"]


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Any]:
    """A Ray cluster of two nodes with one processor each, to which nothing is connected yet."""
    pytest.importorskip("ray", reason="needs the extra `ray`")
    import psutil
    import ray
    from ray.cluster_utils import Cluster

    store = 100 * 2**20
    # A lost node is noticed in seconds, not in the quarter of a minute that suits real networks.
    noticed = {"health_check_period_ms": 500, "health_check_timeout_ms": 1000, "health_check_failure_threshold": 3}
    head = {"num_cpus": 1, "object_store_memory": store, "include_dashboard": False, "_system_config": noticed}
    before = set(psutil.Process().children(recursive=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # What is cleared away late must not join the cluster again while it ends: Ray would end this process with it.
        patch.setattr("ray._private.auto_init_hook.enable_auto_connect", False)
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            cluster.add_node(num_cpus=1, object_store_memory=store)
            patch.setenv("RAY_ADDRESS", cluster.address)
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()
    _, left = psutil.wait_procs(set(psutil.Process().children(recursive=True)) - before, timeout=20)
    assert not left, f"Ray left {left} running"
