"""The kernel as native code: the package's file, the user's cache, and what can go wrong."""

import importlib
import os
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest

import inferplan
from inferplan.errors import CannotPredictError
from inferplan.files import cache_folder, read_cached, seal, unseal, write_cached
from inferplan.serving import build, compiled
from inferplan.serving.arrays import table_of
from inferplan.serving.kernel.contents import Contents
from inferplan.serving.kernel.contents import hash_blocks as plain_hash_blocks

SOURCE = str(Path(inferplan.__file__).parents[1])
HOMES = ("HOME", "USERPROFILE")
USE = """
import sys
from pathlib import Path
from inferplan.serving import compiled
assert "llvmlite" not in sys.modules, "imported too early"
compiled.PACKAGED = Path(sys.argv[1])
import numpy as np
from inferplan.serving.content import block_contents
one = np.ones(2, np.int32)
segments = np.array([0, 1, 2]), np.array([7, 7]), 32 * one
print(block_contents(32 * one, one, segments, 16)[0].tolist())
assert "llvmlite" in sys.modules
assert "numba" not in sys.modules
"""


@cache
def good_code() -> bytes:
    """The sealed LLVM code of the present source; made by numba in a changed checkout."""
    return seal(build.source_stamp(), compiled._llvm_code())


@pytest.fixture
def packaged(tmp_path, monkeypatch):
    """A good kernel.bc, a home of its own, and a library that is not loaded yet."""
    path = tmp_path / "kernel.bc"
    path.write_bytes(good_code())
    monkeypatch.setattr(compiled, "PACKAGED", path)
    for name in HOMES:
        monkeypatch.setenv(name, str(tmp_path / "home"))
    return path


def contents():
    """Two prompts of 40 tokens that share 32."""
    arrays = (
        np.full(2, 8, np.int32),
        np.array([0, 2, 4]),
        np.array([7, 1, 7, 2]),
        np.array([32, 8, 32, 8], np.int32),
        np.array([0, 3, 6]),
        np.zeros(6, np.int64),
    )
    return Contents(*arrays)


def works():
    """Load the code anew and use it."""
    engine, functions = compiled._load.__wrapped__()
    ours, plain = contents(), contents()
    compiled._call(functions["hash_blocks"], table_of(ours), ours, 16)
    plain_hash_blocks(plain, 16)
    assert engine is not None
    return ours.content.tolist() == plain.content.tolist()


def cached_files():
    return sorted(path.name for path in cache_folder().iterdir())


def subprocess_of(code, path, home):
    env = os.environ | dict.fromkeys(HOMES, str(home)) | {"PYTHONPATH": SOURCE}
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path)], env=env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.usefixtures("packaged")
def test_machine_code_is_made_once_and_kept(monkeypatch):
    assert works()
    (name,) = cached_files()
    assert name.startswith("kernel-")
    assert name.endswith(".o")
    monkeypatch.setattr(compiled, "_machine_code", lambda *_: pytest.fail("made again"))
    assert works()


@pytest.mark.usefixtures("packaged")
@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "stale", "other processor"])
def test_a_damaged_cache_is_made_again(damage):
    assert works()
    path = cache_folder() / cached_files()[0]
    good = path.read_bytes()
    path.write_bytes(
        {
            "cut": good[: len(good) // 2],
            "noise": np.random.default_rng(1).bytes(len(good)),
            "empty": b"",
            "stale": seal("another key", good[32:]),
            "other processor": seal("x", b"\x7fELF"),
        }[damage]
    )
    assert works()
    assert path.read_bytes() == good


@pytest.mark.usefixtures("packaged")
def test_a_folder_in_the_place_of_the_cached_file_does_no_harm():
    assert works()
    (name,) = cached_files()
    (cache_folder() / name).unlink()
    (cache_folder() / name).mkdir()
    assert works()
    assert cached_files() == [name]


@pytest.mark.usefixtures("packaged")
@pytest.mark.parametrize("home", ["a file", "no folder"])
def test_it_works_where_nothing_can_be_kept(tmp_path, monkeypatch, home):
    blocked = tmp_path / "blocked"
    blocked.write_text("in the way")
    place = blocked if home == "a file" else blocked / "x"
    for name in HOMES:
        monkeypatch.setenv(name, str(place))
    assert works()
    assert blocked.read_text() == "in the way"


def test_a_user_without_a_home_has_no_cache(monkeypatch):
    def nowhere():
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", nowhere)
    write_cached("x", "key", b"content")
    assert read_cached("x", "key") is None


@pytest.mark.usefixtures("packaged")
def test_what_is_cached_is_read_under_its_key_only():
    write_cached("x", "v1", b"content")
    assert read_cached("x", "v1") == b"content"
    assert read_cached("x", "v2") is None
    assert read_cached("absent", "v1") is None
    assert unseal("k", b"") is None


def test_several_processes_with_an_empty_cache_do_not_disturb_each_other(packaged, tmp_path):
    running = [subprocess_of(USE, packaged, tmp_path / "home") for _ in range(4)]
    for process in running:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out, err) == (0, "[0, 1, 0, 1]\n", "")
    assert len(cached_files()) == 1


def test_importing_the_builder_stays_light(tmp_path):
    heavy = "click pydantic rich numba llvmlite yaml"
    code = f"""
import sys
import inferplan.serving.build
print([name for name in {heavy.split()!r} if name in sys.modules])
"""
    out, err = subprocess_of(code, "", tmp_path).communicate(timeout=60)
    assert (out, err) == ("[]\n", "")


def test_the_kernel_itself_needs_no_compiler(tmp_path):
    names = [f"inferplan.serving.kernel.{name}" for name in build.MODULES]
    code = (
        f"import sys\nimport {', '.join(names)}\nprint({{'numba', 'llvmlite'}} & {{*sys.modules}})"
    )
    out, err = subprocess_of(code, "", tmp_path).communicate(timeout=60)
    assert (out, err) == ("set()\n", "")


@pytest.mark.parametrize("found", ["missing", "stale", "damaged"])
def test_without_good_code_and_without_numba_the_error_says_what_to_do(
    packaged, monkeypatch, found
):
    if found == "missing":
        packaged.unlink()
    else:
        good = good_code()
        packaged.write_bytes(seal("old", good[32:]) if found == "stale" else good[:9999])
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    wanted = r"missing, damaged or older than its source; install a built wheel .* or numba"
    with pytest.raises(CannotPredictError, match=wanted):
        works()


def test_stale_code_is_made_again_by_numba_and_kept(packaged, monkeypatch, capsys):
    packaged.write_bytes(seal("old", b"code"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    calls = []

    def builder(command, **_):
        calls.append(command)
        return subprocess.CompletedProcess(command, 0, good_code(), b"")

    monkeypatch.setattr(subprocess, "run", builder)
    assert works()
    assert "compiling the simulator" in capsys.readouterr().err
    assert [command[1:] for command in calls] == [["-m", "inferplan.serving.build"]]
    assert "kernel.bc" in cached_files()
    for name in cached_files():
        if name.endswith(".o"):
            (cache_folder() / name).unlink()
    assert works()
    assert len(calls) == 1


def test_a_build_that_fails_is_one_clear_error(packaged, monkeypatch):
    packaged.unlink()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    failed = subprocess.CompletedProcess([], 1, b"", b"Traceback\nTypingError: no such thing\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(CannotPredictError, match="could not compile it: TypingError: no such"):
        works()


@pytest.mark.usefixtures("packaged")
def test_an_llvm_that_cannot_read_the_code_is_one_clear_error(monkeypatch):
    def refuse(_):
        raise RuntimeError("LLVM bitcode parsing error\nUnknown attribute")

    monkeypatch.setattr(llvm, "parse_bitcode", refuse)
    wanted = r"llvmlite \S+ cannot run .* \(LLVM bitcode parsing error\); run: pip install"
    with pytest.raises(CannotPredictError, match=wanted):
        works()


@pytest.mark.usefixtures("packaged")
def test_no_llvmlite_is_one_clear_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    with pytest.raises(CannotPredictError, match=r"the simulator needs llvmlite .* pip install"):
        works()


@pytest.mark.usefixtures("packaged")
def test_a_processor_that_llvm_does_not_know_is_taken_as_a_plain_one(monkeypatch):
    def unknown():
        raise RuntimeError("no such processor")

    monkeypatch.setattr(llvm, "get_host_cpu_name", unknown)
    assert works()


TRIPLES = {
    "x86_64-unknown-linux-gnu": b"\x7fELF",
    "aarch64-unknown-linux-gnu": b"\x7fELF",
    "arm64-apple-darwin": b"\xcf\xfa\xed\xfe",
    "x86_64-pc-windows-msvc": b"d\x86",
}


@pytest.mark.parametrize("triple", TRIPLES)
def test_the_code_is_for_any_machine(triple):
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        target = llvm.Target.from_triple(triple).create_target_machine(codemodel="default", opt=3)
    except RuntimeError:
        pytest.skip("this LLVM has no such target")
    code = unseal(build.source_stamp(), good_code())
    module = llvm.parse_bitcode(code)
    assert "target-cpu" not in str(module)
    assert "target-features" not in str(module)
    outside = {f.name for f in module.functions if f.is_declaration}
    assert all(name.startswith("llvm.") for name in outside)
    assert not list(module.global_variables)
    module.triple, module.data_layout = triple, str(target.target_data)
    assert target.emit_object(module).startswith(TRIPLES[triple])


def test_no_place_of_the_builders_machine_is_in_the_code():
    code = str(llvm.parse_bitcode(unseal(build.source_stamp(), good_code())))
    assert SOURCE not in code
    assert ".py" not in code


@pytest.mark.skipif(find_spec("numba") is None, reason="only developers have numba")
def test_numba_makes_the_same_code_again(tmp_path):
    path = tmp_path / "again.bc"
    code = "import sys\nfrom inferplan.serving.build import main\nmain(sys.argv[1:])"
    process = subprocess_of(code, path, tmp_path)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err) == (0, "", "")
    assert path.read_bytes() == good_code()
    before = path.stat().st_mtime_ns
    build.write_if_stale(path)
    assert path.stat().st_mtime_ns == before


def test_arrays_that_the_code_does_not_expect_are_refused():
    for bad in (np.zeros(2, np.int64), np.zeros((2, 2), np.int32), np.zeros(4, np.int32)[::2]):
        with pytest.raises(TypeError, match=r"osl is .*, not contiguous int32 of 1 dimensions"):
            table_of(contents()._replace(osl=bad))
