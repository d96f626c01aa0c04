"""What the files of deploy/ say of the server, against a server: deploy.py METRICS-URL INFER.

Metrics that rules, panels and the autoscaler ask for are in /metrics; options that containers give
are in --help; parts that refer to each other by name do so rightly. Prints what is wrong.
"""
import json
import pathlib
import re
import subprocess
import sys
import urllib.request

DEPLOY = pathlib.Path("deploy")
METRIC = re.compile(r"\b(?:infer|process)_[a-z_]+[a-z]\b(?!\s*:)")
wrong = []


def served_metrics(url):
    text = urllib.request.urlopen(url, timeout=10).read().decode()
    declared = re.findall(r"^# TYPE (\S+)", text, re.M)
    return set(declared + re.findall(r"^([a-zA-Z_:][\w:]*)[{ ]", text, re.M))


def expressions():
    """File and PromQL of all that is asked of Prometheus."""
    for panel in json.loads((DEPLOY / "grafana/infer.json").read_text())["panels"]:
        for target in panel["targets"]:
            yield "grafana/infer.json", target["expr"]
    for name in ("prometheus/infer.rules.yml", "kubernetes/adapter-rules.yaml"):
        lines = (DEPLOY / name).read_text().splitlines()
        asked = [l for l in lines if not l.lstrip().startswith(("#", "as:", "summary:", "description:"))]
        yield name, "\n".join(asked)


def check_metrics(url):
    served, asked = served_metrics(url), set()
    for where, text in expressions():
        for name in METRIC.findall(text):
            asked.add(name)
            if name not in served:
                wrong.append(f"deploy/{where}: the server has no metric {name}")
    if len(asked) < 10:
        wrong.append(f"only {len(asked)} metrics were found in deploy/")
    return len(asked)


def check_options(where, arguments, known):
    for a in arguments:
        option = re.match(r"--[a-z0-9-]+", a)
        if option and option.group() not in known:
            wrong.append(f"{where}: infer serve has no option {option.group()}")


def check_container(where, container, known):
    check_options(where, container["args"], known)
    ports = {p["name"] for p in container["ports"]} | {p["containerPort"] for p in container["ports"]}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if probe in container and container[probe]["httpGet"]["port"] not in ports:
            wrong.append(f"{where}: {probe} asks a port that the container has not")
    return ports


def check_kubernetes(known):
    try:
        import yaml
    except ImportError:
        print("skipped: python3 has no yaml: deploy/kubernetes, deploy/envoy.yaml")
        return
    parts = {}
    for path in sorted(DEPLOY.rglob("*.y*ml")):
        for part in yaml.safe_load_all(path.read_text()):
            if "kind" in part:
                parts[part["kind"]] = part
    app = parts["Deployment"]["spec"]
    pod = app["template"]
    ports = check_container("Deployment", pod["spec"]["containers"][0], known)
    check_container("ServingRuntime", parts["ServingRuntime"]["spec"]["containers"][0], known)
    for labels in (app["selector"]["matchLabels"], parts["Service"]["spec"]["selector"],
                   parts["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]):
        if not labels.items() <= pod["metadata"]["labels"].items():
            wrong.append(f"the labels {labels} are not those of the pods")
    for port in parts["Service"]["spec"]["ports"]:
        if port["targetPort"] not in ports:
            wrong.append(f"Service: the pods have no port {port['targetPort']}")
    scaler = parts["HorizontalPodAutoscaler"]["spec"]
    if scaler["scaleTargetRef"]["name"] != parts["Deployment"]["metadata"]["name"]:
        wrong.append("HorizontalPodAutoscaler: there is no such Deployment")
    made = yaml.safe_load((DEPLOY / "kubernetes/adapter-rules.yaml").read_text())["rules"]["custom"]
    if scaler["metrics"][0]["pods"]["metric"]["name"] not in {r["name"]["as"] for r in made}:
        wrong.append("HorizontalPodAutoscaler: no rule of the adapter makes its metric")
    model = parts["InferenceService"]["spec"]["predictor"]["model"]
    runtime = parts["ServingRuntime"]
    formats = {f["name"] for f in runtime["spec"]["supportedModelFormats"]}
    if model["runtime"] != runtime["metadata"]["name"] or model["modelFormat"]["name"] not in formats:
        wrong.append("InferenceService: not what the ServingRuntime serves")
    check_envoy(yaml.safe_load((DEPLOY / "envoy.yaml").read_text())["static_resources"])


def check_envoy(static):
    clusters = {c["name"] for c in static["clusters"]}
    for listener in static["listeners"]:
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        for route in manager["route_config"]["virtual_hosts"][0]["routes"]:
            if route["route"]["cluster"] not in clusters:
                wrong.append(f"envoy.yaml: there is no cluster {route['route']['cluster']}")


def main():
    usage = subprocess.run([sys.argv[2], "serve", "--help"], capture_output=True, text=True).stdout
    known = set(re.findall(r"--[a-z0-9-]+", usage))
    metrics = check_metrics(sys.argv[1])
    check_kubernetes(known)
    command = re.search(r"^CMD (\[.*\])", (DEPLOY / "Containerfile").read_text(), re.M)
    check_options("Containerfile", json.loads(command.group(1)), known)
    unit = (DEPLOY / "systemd/infer.service").read_text()
    check_options("infer.service", re.search(r"^ExecStart=(.*)", unit, re.M).group(1).split(), known)
    for line in wrong:
        print(line)
    print(f"{metrics} metrics that deploy/ asks for are served")
    return 1 if wrong else 0


sys.exit(main())
