"""`gva` as a process: what only a real one can show."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

GVA = [sys.executable, "-m", "graphviz_autograd"]
W = "import torch\nw = torch.ones(2, requires_grad=True)\nloss = (w * w).sum()\n"


def gva(folder: Path, *args: str, **options: object) -> subprocess.CompletedProcess[str]:
    return python(folder, "-m", "graphviz_autograd", *args, **options)


def python(folder: Path, *args: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, *args], cwd=folder, capture_output=True, text=True, timeout=60, **options
    )


# ---- as python


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    try:\n        [][1]\n    except IndexError as e:\n        {}['k']\nf()\n",
        "def f():\n    raise KeyError('a') from ValueError('b')\nf()\n",
        "def g():\n    raise ExceptionGroup('g', [ValueError(1), TypeError(2)])\ng()\n",
        "x = = 1\n",
        "import no_such_module\n",
        "import beside_broken\n",
        "import sys\nsys.exit('no data')\n",
        "import sys\nprint('out')\nsys.exit(7)\n",
        "raise SystemExit\n",
        "e = ValueError('v')\ne.add_note('noted')\nraise e\n",
        "assert 1 == 2, 'sum'\n",
        "# -*- coding: latin-1 -*-\nraise ValueError('caf\u00e9')\n",
    ],
)
def test_a_script_that_fails_says_and_exits_what_it_would_under_python(
    tmp_path: Path, code: str
) -> None:
    (tmp_path / "beside_broken.py").write_text("def f(:\n")
    (tmp_path / "train.py").write_bytes(code.encode("latin-1"))
    plain, ours = python(tmp_path, "train.py"), gva(tmp_path, "render", "train.py")
    if plain.returncode:
        assert ours.returncode == plain.returncode
        assert ours.stderr == plain.stderr
    else:
        assert ours.returncode == 4
    assert ours.stdout == plain.stdout


SET_UP = """
import sys
space = {k: v for k, v in globals().items() if k not in ("__builtins__", "__loader__", "sys")}
print(sorted(space.items()), sys.argv, sys.path[0], "torch" in sys.modules)
print(type(__loader__ or sys), sys.flags.safe_path, type(__builtins__))
"""


@pytest.mark.parametrize(
    "args", [["deep/train.py", "-q"], ["./deep/train.py"], ["link.py", "a"], ["deep/../link.py"]]
)
def test_a_script_finds_the_same_world_as_under_python(tmp_path: Path, args: list[str]) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/train.py").write_text(SET_UP)
    (tmp_path / "link.py").symlink_to("deep/train.py")
    ours = gva(tmp_path, "render", *args)
    assert ours.stdout == python(tmp_path, *args).stdout
    assert ours.stderr.endswith("without a backward call; torch was never imported\n")


def test_under_dash_p_the_scripts_folder_is_not_searched(tmp_path: Path) -> None:
    (tmp_path / "beside.py").touch()
    (tmp_path / "train.py").write_text("import beside\n")
    ours = python(tmp_path, "-P", "-m", "graphviz_autograd", "render", "train.py")
    assert ours.stderr == python(tmp_path, "-P", "train.py").stderr
    assert ours.returncode == 1


def test_settings_made_before_torch_is_imported_count(tmp_path: Path) -> None:
    """The command has not imported torch before the script does, nor kept torch's loader."""
    code = (
        "import importlib.util, os, sys\nassert importlib.util.find_spec('torch')\n"
        "assert 'torch' not in sys.modules\nos.environ['OMP_NUM_THREADS'] = '1'\n"
        f"{W}print(torch.get_num_threads(), type(torch.__loader__).__name__)\nloss.backward()\n"
    )
    ours = gva(tmp_path, "render", "-c", code)
    assert (ours.stdout, ours.returncode) == ("1 SourceFileLoader\n", 0)
    assert (tmp_path / "code.svg").is_file()


def test_a_forked_child_goes_its_own_way(tmp_path: Path) -> None:
    code = (
        f"import os, sys\n{W}if os.fork() == 0:\n    loss.backward()\n"
        "    print('child', w.grad.tolist(), flush=True)\n    sys.exit(3)\n"
        "print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)\n(loss * 2).backward()\n"
    )
    ours = gva(tmp_path, "render", "-c", code)
    assert ours.stdout == "child [2.0, 2.0]\n3\n"
    assert ours.stderr.count("wrote") == 1
    assert "MulBackward0" in ours.stderr


def test_threads_that_never_end_do_not_keep_a_stopped_script(tmp_path: Path) -> None:
    code = (
        "import atexit, threading\natexit.register(print, 'at exit')\n"
        f"threading.Thread(target=threading.Event().wait).start()\n{W}loss.backward()\n"
    )
    ours = gva(tmp_path, "render", "-c", code)
    assert (ours.returncode, ours.stdout) == (0, "at exit\n")


def test_child_processes_do_not_keep_a_stopped_script(tmp_path: Path) -> None:
    code = (
        "import multiprocessing, time\n"
        "fork = multiprocessing.get_context('fork')\n"
        "fork.Process(target=time.sleep, args=(50,)).start()\n"
        f"{W}loss.backward()\n"
    )
    started = time.monotonic()
    assert gva(tmp_path, "render", "-c", code).returncode == 0
    assert time.monotonic() - started < 30


def test_a_notebook_is_drawn_and_nothing_else_is_said(tmp_path: Path) -> None:
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(W + "loss.backward()")])
    nbformat.write(book, tmp_path / "lesson.ipynb")
    ours = gva(tmp_path, "render", "lesson.ipynb")
    assert ours.stdout == ""
    assert ours.stderr == (
        "wrote lesson.svg: root loss (SumBackward0), 3 ops, 1 leaf "
        "[backward at lesson.ipynb, cell 1:4]\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lesson.ipynb", "lesson.svg"]


# ---- being interrupted


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("print('ready', flush=True)\nwhile True:\n    pass\n", r"train.py:"),
        ("print('ready', flush=True)\ninput()\n", "train.py:2"),
        ("import threading\nprint('ready', flush=True)\nthreading.Event().wait()\n", "train.py:3"),
    ],
)
def test_ctrl_c_ends_a_script_cleanly(tmp_path: Path, code: str, place: str) -> None:
    (tmp_path / "train.py").write_text(code)
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(
        [*GVA, "render", "train.py"], cwd=tmp_path, text=True, **pipes
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said.startswith(f"Error: interrupted train.py at {place}")
    assert said.count("\n") == 1


def test_a_script_that_will_not_end_is_ended_with_its_process(tmp_path: Path) -> None:
    code = (
        "import graphviz_autograd.script.clock as clock\nclock.GRACE = 0.5\nclock.AGAIN = 0.1\n"
        "from graphviz_autograd.cli import main\nmain()\n"
    )
    (tmp_path / "deaf.py").write_text(
        "import time\nwhile True:\n    try:\n        time.sleep(60)\n"
        "    except BaseException:\n        pass\n"
    )
    ours = python(tmp_path, "-c", code, "render", "--timeout", "0.3", "deaf.py")
    assert ours.returncode == 124
    assert ours.stderr.startswith("Error: ")
    assert ours.stderr.count("\n") == 1


# ---- stdout


def test_stdout_holds_the_picture_alone(tmp_path: Path) -> None:
    """What the script, its subprocesses and its clean-up print goes to stderr."""
    (tmp_path / "train.py").write_text(
        "import atexit, os, subprocess, sys\natexit.register(print, 'atexit')\n"
        f"print('print')\nsubprocess.run(['echo', 'echo'])\nos.write(1, b'write')\n{W}"
        "loss.backward()\n"
    )
    ours = gva(tmp_path, "render", "-o", "-", "train.py")
    assert ours.returncode == 0
    assert ours.stdout.startswith("<?xml")
    assert ours.stdout.rstrip().endswith("</svg>")
    assert "wrote" not in ours.stderr
    for word in ("print", "echo", "write", "atexit"):
        assert word in ours.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]


def test_a_reader_that_went_away_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "graph.json").write_text("")
    gva(tmp_path, "render", "-o", "graph.json", "-c", f"{W}loss.backward()")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer) as stdout:
        ours = subprocess.run(
            [*GVA, "render", "-o", "-", "-f", "png", "graph.json"],
            cwd=tmp_path,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert ours.stderr == ""


def on_terminal(folder: Path, *args: str) -> tuple[int, str]:
    """Runs `gva` with stdout and stderr on a terminal; its exit code and what it showed."""
    control, terminal = pty.openpty()
    with subprocess.Popen([*GVA, *args], cwd=folder, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        shown = b""
        while True:
            try:
                part = os.read(control, 4096)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            shown += part
    os.close(control)
    return process.returncode, shown.decode().replace("\r\n", "\n")


def test_a_binary_picture_is_not_thrown_at_a_terminal(tmp_path: Path) -> None:
    code, shown = on_terminal(tmp_path, "render", "-o", "-", "-f", "png", "-c", "print('ran')")
    assert code == 2
    assert shown == (
        "Error: png is binary, and stdout is a terminal: give -o FILE, or pipe it on\n"
    )


def test_a_script_that_takes_its_time_is_spoken_of_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(1.5)\n")
    code, shown = on_terminal(tmp_path, "render", "slow.py")
    assert code == 4
    assert shown.startswith("running slow.py ...\nError: no graph to draw")
    quiet = on_terminal(tmp_path, "render", "-q", "slow.py")[1]
    assert quiet.startswith("Error: no graph to draw")
    assert gva(tmp_path, "render", "slow.py").stderr.startswith("Error: no graph to draw")


# ---- without torch


def test_a_saved_graph_is_drawn_on_a_machine_without_torch(tmp_path: Path) -> None:
    made = gva(tmp_path, "render", "-o", "graph.json", "-c", f"{W}loss.backward()")
    assert made.returncode == 0, made.stderr
    code = (
        "import sys\nsys.modules['torch'] = None  # importing it raises\n"
        "from graphviz_autograd.cli import main\nmain()\n"
    )
    ours = python(tmp_path, "-c", code, "render", "-o", "graph.png", "graph.json")
    assert (ours.returncode, ours.stdout) == (0, "")
    assert (tmp_path / "graph.png").read_bytes().startswith(b"\x89PNG")


# ---- the shell


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("gva re", "plain,render"),
        ("gva render --show-sa", "plain,--show-saved"),
        ("gva render --theme d", "plain,dark"),
        ("gva render tr", "file,tr"),
        ("gva render -o a", "file,a"),
    ],
)
def test_the_shell_completes_commands_options_and_files(
    tmp_path: Path, typed: str, offered: str
) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    environment = {**os.environ, **words, "_GVA_COMPLETE": "bash_complete"}
    code = "from graphviz_autograd.cli import gva; gva(prog_name='gva')"
    assert python(tmp_path, "-c", code, env=environment).stdout.split() == [offered]


def test_the_completion_script_for_the_shell_is_printed(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("gva")
    for shell in ("bash", "zsh", "fish"):
        environment = {**os.environ, "_GVA_COMPLETE": f"{shell}_source"}
        shown = subprocess.run([command], env=environment, capture_output=True, text=True)
        assert "_GVA_COMPLETE" in shown.stdout
    assert gva(tmp_path, "--version").stdout.startswith("gva, version ")
