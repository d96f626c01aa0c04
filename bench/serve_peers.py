"""infer serve beside other servers of models, all with one network, driven by infer hammer.

    make bench-serve-peers PEERS="fastapi torchserve" ROUNDS=3 SECONDS=5

Every server answers a JPEG with its five likeliest classes. The others run the same ONNX file in
ONNX Runtime with pictures prepared by Pillow (bench/peers/), in as many workers as there are CPUs,
each on one thread, as their documentation has it. All are started once and measured in turn, round
by round; those that are not measured are stopped (SIGSTOP), so that they take no CPU. A server
that can't be installed or started here is left out, with a word."""
import argparse
import base64
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "peers")
COMMON = ["numpy", "pillow", "onnxruntime"]
INSTALL_SECONDS, START_SECONDS = 900, 90  # for a server


def free_port():
    """Below 32768: multi-model-server takes no others."""
    while True:
        port = random.randrange(20000, 32768)
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)):
                return port


class Missing(Exception):
    """Why a server can't take part."""


# ---- installing ------------------------------------------------------------------------------


def venv(out, name, packages, *options):
    """The folder of programs of a virtual environment with these packages, made once."""
    folder = os.path.join(out, "venv-" + name)
    done = os.path.join(folder, "complete")
    if not os.path.exists(done):
        print(f"installing {name} ...", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["/usr/bin/python3", "-m", "venv", *options, folder], check=True)
        try:
            subprocess.run([os.path.join(folder, "bin", "pip"), "install", "-q", *COMMON, *packages],
                           check=True, timeout=INSTALL_SECONDS)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as e:
            raise Missing(f"its packages can't be installed ({type(e).__name__})") from e
        open(done, "w", encoding="ascii").close()
    return os.path.join(folder, "bin")


def need_java():
    if not shutil.which("java"):
        raise Missing("it needs Java")


# ---- the servers -----------------------------------------------------------------------------
# Each function installs a server, writes what it needs into `work`, and returns the command, where
# to predict, what to send (a file), and its headers.


def infer_serve(a, work):
    model = os.path.join(work, "top5.infer")
    labels = os.path.join(work, "labels.txt")
    with open(labels, "w", encoding="ascii") as f:
        f.writelines(f"{i}\n" for i in range(1001))
    subprocess.run([a.infer, "convert", a.model, "-o", model, "--resize", "256", "--crop", "224",
                    "--mean", "127.5,127.5,127.5", "--scale", ",".join(["0.00784313725"] * 3),
                    "--labels", labels], check=True, stdout=subprocess.DEVNULL)
    port = free_port()
    return {"command": [a.infer, "serve", "--port", str(port), "--no-management", "top5=" + model],
            "url": f"http://127.0.0.1:{port}/predictions/top5", "body": a.picture}


def fastapi(a, work):
    programs = venv(a.out, "fastapi", ["fastapi", "uvicorn"])
    port = free_port()
    return {"command": [programs + "/uvicorn", "fastapi_app:app", "--port", str(port),
                        "--workers", str(a.workers), "--no-access-log"],
            "url": f"http://127.0.0.1:{port}/predict", "body": a.picture}


def mms(a, work):
    need_java()
    programs = venv(a.out, "mms", ["multi-model-server", "model-archiver", "setuptools<80"])
    source, store, port = os.path.join(work, "source"), os.path.join(work, "store"), free_port()
    os.makedirs(source)
    os.makedirs(store)
    for name in ("top5.py", "mms_service.py"):
        shutil.copy(os.path.join(PEERS, name), source)
    subprocess.run([programs + "/model-archiver", "--model-name", "top5", "--model-path", source,
                    "--handler", "mms_service:handle", "--export-path", store, "--runtime",
                    "python", "-f"], check=True, stdout=subprocess.DEVNULL)
    config = os.path.join(work, "config.properties")
    with open(config, "w", encoding="ascii") as f:
        f.write(f"inference_address=http://127.0.0.1:{port}\n"
                f"management_address=http://127.0.0.1:{free_port()}\n"
                f"default_workers_per_model={a.workers}\nload_models=top5.mar\n"
                f"model_store={store}\n")
    return {"command": [programs + "/multi-model-server", "--start", "--foreground",
                        "--mms-config", config, "--model-store", store, "--models", "top5.mar"],
            "url": f"http://127.0.0.1:{port}/predictions/top5", "body": a.picture}


def torchserve(a, work):
    need_java()
    # its workers import PyTorch, whatever the handler does: Debian's is enough for that
    if subprocess.run(["/usr/bin/python3", "-c", "import torch"], stderr=subprocess.DEVNULL,
                      check=False).returncode:
        raise Missing("it needs PyTorch (python3-torch)")
    programs = venv(a.out, "torchserve", ["torchserve", "torch-model-archiver", "setuptools<80"],
                    "--system-site-packages")
    store, port = os.path.join(work, "store"), free_port()
    os.makedirs(store)
    subprocess.run([programs + "/torch-model-archiver", "--model-name", "top5", "--version", "1",
                    "--handler", os.path.join(PEERS, "torchserve_handler.py"), "--extra-files",
                    os.path.join(PEERS, "top5.py"), "--export-path", store, "-f"], check=True)
    config = os.path.join(work, "config.properties")
    with open(config, "w", encoding="ascii") as f:
        f.write(f"inference_address=http://127.0.0.1:{port}\n"
                f"management_address=http://127.0.0.1:{free_port()}\n"
                f"metrics_address=http://127.0.0.1:{free_port()}\n"
                f"grpc_inference_port={free_port()}\ngrpc_management_port={free_port()}\n"
                f"default_workers_per_model={a.workers}\ndisable_system_metrics=true\n")
    return {"command": [programs + "/torchserve", "--start", "--foreground", "--ts-config", config,
                        "--model-store", store, "--models", "top5.mar", "--disable-token-auth"],
            "url": f"http://127.0.0.1:{port}/predictions/top5", "body": a.picture}


def mlserver(a, work):
    # its workers ask for an event loop in a way that newer uvloops refuse
    programs = venv(a.out, "mlserver", ["mlserver>=1.7", "uvloop<0.22"])
    port = free_port()
    for name in ("top5.py", "mlserver_model.py"):
        shutil.copy(os.path.join(PEERS, name), work)
    settings = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port(),
                "host": "127.0.0.1", "parallel_workers": a.workers, "debug": False}
    model = {"name": "top5", "implementation": "mlserver_model.Top5Model"}
    for name, content in (("settings", settings), ("model-settings", model)):
        with open(os.path.join(work, name + ".json"), "w", encoding="ascii") as f:
            json.dump(content, f)
    with open(a.picture, "rb") as f:
        data = base64.b64encode(f.read()).decode()
    body = os.path.join(work, "request.json")
    with open(body, "w", encoding="ascii") as f:
        json.dump({"inputs": [{"name": "picture", "shape": [1], "datatype": "BYTES",
                               "data": [data]}]}, f)
    return {"command": [programs + "/mlserver", "start", work],
            "url": f"http://127.0.0.1:{port}/v2/models/top5/infer", "body": body}


SERVERS = {"infer": infer_serve, "fastapi": fastapi, "mms": mms, "torchserve": torchserve,
           "mlserver": mlserver}


# ---- running ---------------------------------------------------------------------------------


def ask(server):
    """The answer to one request."""
    kind = "application/json" if server["body"].endswith(".json") else "image/jpeg"
    with open(server["body"], "rb") as f:
        request = urllib.request.Request(server["url"], f.read(), {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def best_class(text):
    """The likeliest class of an answer, whichever server gave it."""
    answer = json.loads(text)
    if isinstance(answer, dict) and "outputs" in answer:
        answer = json.loads(answer["outputs"][0]["data"][0])
    first = answer[0] if isinstance(answer, list) else answer
    return str(first["class"])


def start(a, name):
    work = os.path.join(a.out, "run-" + name)
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    server = SERVERS[name](a, work)
    environment = dict(os.environ, PEER_MODEL=os.path.abspath(a.model), PEER_THREADS="1",
                       PYTHONPATH=PEERS, OMP_NUM_THREADS="1", LOG_LOCATION=work,
                       METRICS_LOCATION=work, TEMP=work)
    # the servers' own Python before the machine's: they start their workers by that name
    environment["PATH"] = os.path.dirname(server["command"][0]) + ":" + environment["PATH"]
    with open(os.path.join(work, "log"), "wb") as log:
        server["process"] = subprocess.Popen(server["command"], cwd=work, stdout=log, stderr=log,
                                             stdin=subprocess.DEVNULL, env=environment,
                                             start_new_session=True)
    server["name"] = name
    server["log"] = os.path.join(work, "log")
    return server


def wait_until_ready(server):
    """Until it answers; its answer. It is ended where it does not."""
    end = time.monotonic() + START_SECONDS
    why = "no answer"
    while time.monotonic() < end:
        if server["process"].poll() is not None:
            why = f"it ended with status {server['process'].returncode}"
            break
        try:
            return ask(server)
        except (OSError, urllib.error.URLError) as e:
            why = str(e)
            time.sleep(0.5)
    stop(server)
    raise Missing(f"it does not answer: {why}; see {server['log']}")


def signal_all(server, number):
    try:
        os.killpg(server["process"].pid, number)
    except ProcessLookupError:
        pass


def stop(server):
    signal_all(server, signal.SIGCONT)
    signal_all(server, signal.SIGTERM)
    try:
        server["process"].wait(10)
    except subprocess.TimeoutExpired:
        pass
    signal_all(server, signal.SIGKILL)


def hammer(a, server, *options):
    """The first step of infer hammer's report."""
    command = [a.infer, "hammer", server["url"], "--json", "--body", server["body"], "--duration",
               str(a.seconds), "--server-pid", str(server["process"].pid), *options]
    run = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if run.returncode not in (0, 1):
        raise Missing("infer hammer can't reach it any more")
    step = json.loads(run.stdout)["steps"][0]
    if step["failed"]:
        print(f"{server['name']}: {step['failed']:.0f} of {step['due']:.0f} requests failed",
              file=sys.stderr)
    return step


def measure(a, server):
    """One round: how much it can do, one request at a time, and half of what it can do."""
    full = hammer(a, server, "--connections", str(4 * a.workers))
    alone = hammer(a, server, "--connections", "1")
    half = hammer(a, server, "--rate", str(max(0.5, full["accepted_per_s"] / 2)))
    return {"per_s": full["accepted_per_s"],
            "cpu_ms": (full["server_cpu_us_per_answer"] or 0) / 1e3,
            "resident_mb": full["server_resident_bytes"] / 1e6,
            "alone_p50_ms": alone["accepted"]["response_ms"]["p50"],
            "half_p50_ms": half["accepted"]["response_ms"]["p50"],
            "half_p99_ms": half["accepted"]["response_ms"]["p99"],
            "failed": full["failed"] + alone["failed"] + half["failed"],
            "machine_idle": full["machine_idle"]}


COLUMNS = (("per_s", "answers/s"), ("cpu_ms", "CPU ms an answer"),
           ("alone_p50_ms", "one at a time, p50 ms"), ("half_p50_ms", "half load, p50 ms"),
           ("half_p99_ms", "half load, p99 ms"), ("resident_mb", "resident MB"))


def number(v):
    return "-" if v is None else f"{v:.3g}" if v < 100 else f"{v:.0f}"


def table(rounds, missing):
    lines = ["| server | " + " | ".join(title for _, title in COLUMNS) + " |",
             "|---|" + "---|" * len(COLUMNS)]
    for name, results in rounds.items():
        cells = []
        for key, _ in COLUMNS:
            values = [r[key] for r in results if r[key] is not None]
            cells.append(number(statistics.median(values) if values else None))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [f"\n{name}: skipped, {why}" for name, why in missing.items()]
    return "\n".join(lines) + "\n"


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("--infer", required=True, help="the program")
    p.add_argument("--model", required=True, help="MobileNetV2 as an ONNX file (QDQ)")
    p.add_argument("--picture", required=True, help="a JPEG")
    p.add_argument("--out", required=True, help="folder of environments, logs and results")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=5, help="of each measurement")
    p.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("peers", nargs="*", default=list(SERVERS), metavar="|".join(SERVERS))
    a = p.parse_args()
    for name in ("infer", "model", "picture", "out"):
        setattr(a, name, os.path.abspath(getattr(a, name)))
    for name in a.peers:
        if name not in SERVERS:
            p.error(f"there is no server {name}")
    return a


def start_all(a, missing):
    """The servers that run, each stopped until its turn."""
    servers, answers = [], {}
    for name in a.peers:
        try:
            server = start(a, name)
            answers[name] = best_class(wait_until_ready(server))
        except (Missing, subprocess.CalledProcessError, OSError) as e:
            missing[name] = str(e)
            print(f"{name}: skipped, {e}", file=sys.stderr)
            continue
        signal_all(server, signal.SIGSTOP)
        servers.append(server)
    if len(set(answers.values())) > 1:
        print(f"the servers' answers differ: {answers}", file=sys.stderr)
    return servers, answers


def main():
    a = parse()
    missing, rounds = {}, {}
    os.makedirs(a.out, exist_ok=True)
    servers, answers = start_all(a, missing)
    try:
        for i in range(a.rounds):
            for server in servers[i % len(servers):] + servers[:i % len(servers)]:
                signal_all(server, signal.SIGCONT)
                print(f"round {i + 1}: {server['name']}", file=sys.stderr)
                rounds.setdefault(server["name"], []).append(measure(a, server))
                signal_all(server, signal.SIGSTOP)
    finally:
        for server in servers:
            stop(server)
    text = table(rounds, missing)
    for name, content in (("peers.md", text), ("peers.json", json.dumps(
            {"rounds": rounds, "best_class": answers, "skipped": missing}, indent=1))):
        with open(os.path.join(a.out, name), "w", encoding="utf-8") as f:
            f.write(content)
    print(text, end="")
    return 0 if rounds else 1


if __name__ == "__main__":
    sys.exit(main())
