"""Laws of the nearest reference found on a cluster."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Timer
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from manifpt import cluster
from manifpt.cluster import ClusterError
from manifpt.embeddings.embedding import Points
from manifpt.errors import DataError, NumbersError
from manifpt.manifolds import pieces, sharded
from manifpt.manifolds.nearest import Nearest
from manifpt.manifolds.pieces import InFile, InStore
from manifpt.manifolds.references import References
from manifpt.manifolds.sharded import Sharded
from manifpt.manifolds.shards import ReferencesError


def pixels(count: int, *, seed: int = 0, dtype: type = np.uint8, high: int = 256) -> NDArray[Any]:
    return np.random.default_rng(seed).integers(0, high, (count, 3, 4, 4)).astype(dtype)


def same(one: Sharded, other: Nearest, queries: NDArray[Any]) -> None:
    """Equal to the bit: neighbours, squares, distances and counterparts."""
    found, expected = one.search(Points(queries, 1 / 255)), other.search(Points(queries, 1 / 255))
    np.testing.assert_array_equal(found.numbers, expected.numbers)
    assert found.squares.tobytes() == expected.squares.tobytes()
    mine, theirs = one.project(Points(queries, 1 / 255)), other.project(Points(queries, 1 / 255))
    assert mine.distances.tobytes() == theirs.distances.tobytes()
    np.testing.assert_array_equal(mine.points.values, theirs.points.values)
    assert mine.points.scale == theirs.points.scale


def told(worker: Any, question: Callable[[Any], Any]) -> Any:
    import ray

    return ray.get(worker.__ray_call__.remote(question), timeout=60)


def process(worker: Any) -> int:
    return int(told(worker, lambda _: os.getpid()))


def node(worker: Any) -> str:
    import ray

    return str(told(worker, lambda _: ray.get_runtime_context().get_node_id()))


@pytest.mark.parametrize(("dtype", "neighbors"), [(np.uint8, 1), (np.float32, 3)])
def test_the_answers_are_bitwise_those_of_one_process(two_nodes: Any, dtype: type, neighbors: int) -> None:
    references, queries = pixels(901, dtype=dtype), pixels(60, seed=1, dtype=dtype)
    blocks = [Points(references[:200], 1 / 255), Points(references[200:], 1 / 255)]
    one = Sharded(neighbors=neighbors).fit(blocks)
    same(one, Nearest(neighbors=neighbors).fit(blocks), queries)
    assert {node(worker) for worker in one.workers_} == {each.node_id for each in two_nodes.list_all_nodes()}
    assert one.settings() == Nearest(neighbors=neighbors).settings()


def test_equally_near_references_of_several_shards_come_in_the_order_of_their_indices(two_nodes: Any) -> None:
    base = pixels(7)
    references = np.concatenate([base, base, base, pixels(9, seed=2)])
    one = Sharded(neighbors=5, shards=4).fit([Points(references, 1 / 255)])
    same(one, Nearest(neighbors=5).fit([Points(references, 1 / 255)]), base)
    np.testing.assert_array_equal(one.search(Points(base)).numbers[:, :3], np.arange(7)[:, None] + [0, 7, 14])


def test_a_shard_may_hold_fewer_references_than_neighbours_are_asked_for(two_nodes: Any) -> None:
    references, queries = pixels(3, high=2), pixels(20, seed=1, high=2)
    one = Sharded(neighbors=3, shards=9).fit([Points(references, 1 / 255)])
    assert len(one.workers_) == 3
    same(one, Nearest(neighbors=3).fit([Points(references, 1 / 255)]), queries)


def test_large_sets_are_sent_in_pieces_to_the_same_bits(two_nodes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "IN_MEMORY_BYTES", 48 * 50)
    monkeypatch.setattr(sharded, "IN_MEMORY_BYTES", 48 * 7)
    references, queries = pixels(301), pixels(20, seed=1)
    one = Sharded(shards=2).fit([Points(references, 1 / 255)])
    assert [len(shard) for shard in one.shards_] == [3, 4]
    same(one, Nearest().fit([Points(references, 1 / 255)]), queries)
    assert one.search(Points(queries[:0])).numbers.shape == (0, 1)


def test_references_on_disk_are_read_there_by_the_nodes(two_nodes: Any, tmp_path: Path) -> None:
    folder = References(tmp_path / "references", {})
    for seed in (0, 1):
        folder.append([Points(pixels(1100, seed=seed), 1 / 255)])
    blocks = [shard.points for shard in folder.shards]
    one = Sharded(neighbors=3, shards=2).fit(blocks)
    assert all(isinstance(piece, InFile) for shard in one.shards_ for piece in shard)
    same(one, Nearest(neighbors=3).fit(blocks), pixels(30, seed=3))
    one.fit([Points(block.values[5:], block.scale) for block in blocks])
    # A view does not know its place in the file.
    assert all(isinstance(piece, InStore) for shard in one.shards_ for piece in shard)
    same(one, Nearest(neighbors=3).fit([Points(block.values[5:], block.scale) for block in blocks]), blocks[1].values)


def test_a_file_that_a_node_does_not_see_or_sees_otherwise_is_named(two_nodes: Any, tmp_path: Path) -> None:
    path = tmp_path / "points"
    values = np.memmap(path, np.uint8, "w+", shape=(40, 3, 4, 4))
    values[:] = pixels(40)
    values.flush()
    one = Sharded(shards=2).fit([Points(values)])
    for worker in one.workers_:
        os.kill(process(worker), signal.SIGKILL)
    with path.open("r+b") as file:
        file.seek(1900)
        file.write(bytes([values.reshape(-1)[1900] ^ 1]))
    with pytest.raises(ReferencesError, match=r"cannot read .*points \(it holds other bytes\).*MANIFPT_CACHE"):
        one.search(Points(pixels(3)))
    path.unlink()
    with pytest.raises(ReferencesError, match=r"No such file"):
        one.shards_[0][0].values()


def killed(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def test_a_worker_that_is_killed_in_the_middle_is_replaced_and_nothing_else_is_seen(two_nodes: Any) -> None:
    references, queries = pixels(400), pixels(50, seed=1)
    one = Sharded(neighbors=3, shards=2).fit([Points(references, 1 / 255)])
    expected = Nearest(neighbors=3).fit([Points(references, 1 / 255)]).search(Points(queries))
    before = process(one.workers_[0])
    os.kill(before, signal.SIGSTOP)  # it has been asked, and has not answered
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(one.search, Points(queries))
        with pytest.raises(TimeoutError):
            asked.result(timeout=1)
        killed(before)
        found = asked.result(timeout=60)
    assert process(one.workers_[0]) != before
    np.testing.assert_array_equal(found.numbers, expected.numbers)
    assert found.squares.tobytes() == expected.squares.tobytes()


def test_a_node_that_is_lost_in_the_middle_leaves_its_shards_to_the_others(two_nodes: Any) -> None:
    third = two_nodes.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    references, queries = pixels(400), pixels(50, seed=1)
    one = Sharded(neighbors=3).fit([Points(references, 1 / 255)])
    assert len(one.workers_) == 3
    expected = Nearest(neighbors=3).fit([Points(references, 1 / 255)]).search(Points(queries))
    lost = next(worker for worker in one.workers_ if node(worker) == third.node_id)
    os.kill(process(lost), signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(one.search, Points(queries))
        with pytest.raises(TimeoutError):
            asked.result(timeout=1)
        two_nodes.remove_node(third, allow_graceful=False)
        found = asked.result(timeout=60)
    assert node(lost) != third.node_id
    np.testing.assert_array_equal(found.numbers, expected.numbers)
    assert found.squares.tobytes() == expected.squares.tobytes()


def test_shards_that_are_gone_for_good_are_one_line(two_nodes: Any) -> None:
    import ray

    one = Sharded(shards=2).fit([Points(pixels(40))])
    for worker in one.workers_:
        ray.kill(worker)
    with pytest.raises(
        ClusterError, match=r"^what the Ray cluster held or made is lost \(ActorDiedError\); expected"
    ) as failed:
        one.search(Points(pixels(3)))
    assert "\n" not in str(failed.value)


def test_what_one_process_refuses_the_cluster_refuses_in_the_same_words(two_nodes: Any) -> None:
    references = pixels(40, dtype=np.float32)
    one, other = Sharded(shards=2).fit([Points(references)]), Nearest().fit([Points(references)])
    broken = references.copy()
    broken[17, 0, 0, 0] = np.nan
    wrong = [pixels(3), references[:, :2], broken]
    for values in wrong:
        with pytest.raises(NumbersError) as mine:
            one.search(Points(values))
        with pytest.raises(NumbersError) as theirs:
            other.search(Points(values))
        assert str(mine.value) == str(theirs.value)
        assert mine.type is NumbersError
    with pytest.raises(NumbersError, match="first: index 17"):
        Sharded(shards=3).fit([Points(broken)])
    with pytest.raises(DataError, match="0 reference images"):
        Sharded().fit([])


@pytest.mark.parametrize("name", ["neighbors", "shards"])
@pytest.mark.parametrize("number", [0, -1, 1.5])
def test_fewer_than_one_neighbour_or_shard_or_parts_of_one_are_refused(name: str, number: float) -> None:
    pytest.importorskip("ray", reason="needs the extra `ray`")
    expected = rf"{name} = {number}; expected a whole number from 1 to 2147483647; give a number in this range"
    with pytest.raises(NumbersError, match=expected):
        Sharded(**{name: number})


def test_without_ray_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ClusterError, match=r"pip install 'manifpt\[ray\]'"):
        Sharded()


class Empty:
    """Ray on a cluster whose nodes are gone, or are there and do not answer."""

    def __init__(self, *nodes: dict[str, Any], silent: int = 10**9) -> None:
        self.exceptions = SimpleNamespace(RayTaskError=KeyError, RayError=LookupError)
        self._nodes, self._silent = nodes, silent

    def nodes(self) -> list[dict[str, Any]]:
        return list(self._nodes)

    def wait(self, calls: list[Any], **_: Any) -> tuple[list[Any], list[Any]]:
        self._silent -= 1
        return ([], calls) if self._silent > 0 else (calls, [])

    def get(self, calls: list[Any]) -> list[Any]:
        return calls


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    seconds = iter(range(10**6))
    monkeypatch.setattr(cluster, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    yield


def test_a_cluster_without_nodes_is_given_up_after_a_while(clock: None) -> None:
    gone = {"Alive": False, "Resources": {"CPU": 4}}
    idle = {"Alive": True, "Resources": {}}
    with pytest.raises(ClusterError, match="no node with a processor has been there"):
        cluster.answers(Empty(gone, idle), ["call"])


def test_a_cluster_that_is_slow_is_waited_for_and_this_is_said(clock: None, caplog: pytest.LogCaptureFixture) -> None:
    slow = Empty({"Alive": True, "Resources": {"CPU": 4}}, silent=100)
    assert cluster.answers(slow, ["call", "other"]) == ["call", "other"]
    assert caplog.messages == ["waiting for 2 of 2 shards of the references"] * 3


def test_a_cluster_without_processors_gets_no_shards() -> None:
    with pytest.raises(ClusterError, match="no node of the Ray cluster has a processor"):
        cluster.places(Empty({"Alive": True, "Resources": {"CPU": 0}}))


def test_what_a_cluster_makes_comes_in_order_with_its_errors() -> None:
    there = Empty({"Alive": True, "Resources": {"CPU": 4}})
    assert list(cluster.watched(there, [1, 2, 3], "numbers")) == [1, 2, 3]

    def broken(error: Exception) -> Iterator[int]:
        yield 1
        raise error

    with pytest.raises(ClusterError, match=r"lost \(LookupError\)"):
        list(cluster.watched(there, broken(LookupError()), "numbers"))
    with pytest.raises(NumbersError, match="found"):
        list(cluster.watched(there, broken(NumbersError("found", expected="", remedy="")), "numbers"))


def test_what_no_node_is_there_to_make_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "LOOK", 0.01)
    monkeypatch.setattr(cluster, "PATIENCE", 0.1)
    never = Event()
    with pytest.raises(ClusterError, match="no node with a processor has been there"):
        list(cluster.watched(Empty(), (never.wait() for _ in "1"), "numbers"))
    never.set()


def test_what_comes_late_is_waited_for_and_this_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cluster, "LOOK", 0.01)
    monkeypatch.setattr(cluster, "PATIENCE", 0.1)
    late = Event()
    timer = Timer(0.5, late.set)
    timer.start()
    there = Empty({"Alive": True, "Resources": {"CPU": 4}})
    assert list(cluster.watched(there, (late.wait() for _ in "1"), "numbers")) == [True]
    assert set(caplog.messages) == {"waiting for numbers"}
    timer.join()
