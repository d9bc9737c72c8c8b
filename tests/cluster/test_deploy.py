"""What stands in cluster/deploy/ and ray_config.yaml, checked by whoever will read it, as far as that goes without a cloud."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from cluster.metrics import METRICS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "cluster" / "deploy"
CRDS = ROOT.parent / "shared" / "kuberay"
LAUNCHERS = [ROOT / "ray_config.yaml", DEPLOY / "ray_config_gcp.yaml"]
# That all nodes of a cluster must have.
VERSIONS = dict(re.findall(r"SPEECHMILL_(PYTHON|RAY)=(\S+)", (DEPLOY / "node.env").read_text()))
KUBERAY = ["raycluster", "rayjob", "raycronjob"]


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def dependencies(*, of_nodes: bool = False) -> dict[str, Requirement]:
    """What workers and jobs need, by name; ``of_nodes``: what a cluster's Ray does not bring."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    parsed = {(requirement := Requirement(line)).name: requirement for line in listed}
    return {name: parsed[name] for name in parsed if not (of_nodes and name == "ray")}


# --- `ray up` ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LAUNCHERS, ids=lambda path: path.stem)
def test_the_launcher_accepts_its_configuration(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    monkeypatch.chdir(ROOT)
    config = prepare_config(read(path))
    validate_config(config)
    kinds = config["available_node_types"]
    assert kinds["head"]["resources"] == {"CPU": 0}
    assert [kinds[kind]["min_workers"] for kind in kinds] == [0, 0, 0]
    assert sum(kinds[kind]["max_workers"] for kind in kinds) == config["max_workers"]
    start = config["head_start_ray_commands"][-1]
    assert "--num-cpus=0" in start
    assert "--autoscaling-config=~/ray_bootstrap_config.yaml" in start  # cluster/nodes.py looks for it


@pytest.mark.parametrize("path", LAUNCHERS, ids=lambda path: path.stem)
def test_the_paths_in_it_exist(path: Path) -> None:
    config = read(path)
    mounts = {remote: local for remote, local in config["file_mounts"].items() if not local.startswith("~")}
    assert mounts
    assert [local for local in mounts.values() if not (ROOT / local).exists()] == []
    commands = " ".join(config["setup_commands"] + config["worker_start_ray_commands"])
    for name in re.findall(r"~/speechmill/(\S+)", commands):
        (remote,) = (remote for remote in mounts if f"~/speechmill/{name}".startswith(remote))
        assert (ROOT / mounts[remote] / f"~/speechmill/{name}".removeprefix(f"{remote}/")).exists()


def test_both_clouds_differ_in_their_nodes_alone() -> None:
    aws, gcp = (read(path) for path in LAUNCHERS)
    for config in (aws, gcp):
        for kind in config["available_node_types"].values():
            del kind["node_config"]
        del config["provider"]
    assert "google-api-python-client" in gcp.pop("head_setup_commands")[0]
    assert gcp == aws


def ray_up(path: Path, home: Path) -> subprocess.CompletedProcess[str]:
    (home / ".ray").mkdir()
    (home / ".ray" / "auth_token").write_text("secret")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_EC2_METADATA_DISABLED": "true",
        "RAY_AUTH_MODE": "disabled",
    }
    command = [sys.executable, "-m", "ray.scripts.scripts", "up", "--no-config-cache", "--yes", str(path)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_ray_up_goes_as_far_as_the_credentials_on_aws(tmp_path: Path) -> None:
    ended = ray_up(LAUNCHERS[0], tmp_path)
    assert ended.returncode == 1
    assert "Unable to locate credentials" in ended.stderr.splitlines()[-1]


def test_ray_up_goes_as_far_as_the_client_on_gcp(tmp_path: Path) -> None:
    ended = ray_up(LAUNCHERS[1], tmp_path)
    assert ended.returncode == 1
    reasons = ("google-api-python-client", "default credentials", "No module named 'googleapiclient'")
    assert any(reason in ended.stderr for reason in reasons), ended.stderr


def test_aws_starts_every_kind_of_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """moto checks what EC2 is asked for; ``resolve:ssm:`` it takes for an image's id."""
    import boto3
    from moto import mock_aws
    from ray.autoscaler._private.commands import _bootstrap_config
    from ray.autoscaler._private.providers import _get_node_provider
    from ray.autoscaler._private.util import prepare_config

    monkeypatch.chdir(ROOT)
    for name, value in {"HOME": str(tmp_path), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    written = read(LAUNCHERS[0])
    profiles = {kind["node_config"]["IamInstanceProfile"]["Arn"] for kind in written["available_node_types"].values()}
    region = written["provider"]["region"]
    with mock_aws():
        for profile in profiles:
            boto3.client("iam", region).create_instance_profile(InstanceProfileName=profile.rpartition("/")[2])
        config = _bootstrap_config(prepare_config(written), no_config_cache=True)
        provider = _get_node_provider(config["provider"], config["cluster_name"], use_cache=False)
        started = {}
        for name, kind in config["available_node_types"].items():
            provider.create_node(kind["node_config"], {"ray-user-node-type": name}, 1)
        for reservation in boto3.client("ec2", region).describe_instances()["Reservations"]:
            for machine in reservation["Instances"]:
                (name,) = (tag["Value"] for tag in machine["Tags"] if tag["Key"] == "ray-user-node-type")
                kinds = boto3.client("ec2", region).describe_instance_types(InstanceTypes=[machine["InstanceType"]])
                started[name] = machine | kinds["InstanceTypes"][0]
    kinds = config["available_node_types"]
    assert started["head"].get("InstanceLifecycle") is None
    assert {started[name]["InstanceLifecycle"] for name in ("cpu", "gpu")} == {"spot"}
    for name in ("cpu", "gpu"):
        assert started[name]["VCpuInfo"]["DefaultVCpus"] == kinds[name]["resources"]["CPU"]
    assert started["gpu"]["GpuInfo"]["Gpus"][0]["Count"] == kinds["gpu"]["resources"]["GPU"]


# --- what the nodes run ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", sorted(DEPLOY.glob("*.sh")), ids=lambda script: script.name)
def test_scripts_are_bash(script: Path) -> None:
    subprocess.run(["bash", "-n", script], check=True)
    assert os.access(script, os.X_OK)


@pytest.fixture
def stub(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Returns an environment in which a program only notes its arguments in ``calls``, or does what is given."""

    def make(**programs: str) -> dict[str, str]:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        for name, does in programs.items():
            program = folder / name.replace("_", "-")
            program.write_text(f'#!/bin/bash\necho "$(basename "$0") $*" >> {tmp_path}/calls\n{does}\n')
            program.chmod(0o755)
        return {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(tmp_path), "USER": "somebody"}

    return make


NVME = "echo '/dev/nvme0n1 Amazon Elastic Block Store'; echo '/dev/nvme1n1 Amazon EC2 NVMe Instance Storage'"


@pytest.mark.skipif(Path("/mnt/speechmill").exists(), reason="this machine has been set up as a node")
@pytest.mark.parametrize("has_gpu", [False, True])
def test_a_node_gets_the_dependencies_and_its_local_disk(
    has_gpu: bool, stub: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    environment = stub(uv="", sudo="", lsblk=NVME, nvidia_smi="" if has_gpu else "exit 9")
    for _ in range(2):
        subprocess.run([DEPLOY / "setup_node.sh"], env=environment, check=True)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert "sudo mount -o noatime /dev/nvme1n1 /mnt/speechmill" in calls
    (install,) = {call for call in calls if "--requirements" in call}
    assert install.endswith(f"--requirements {ROOT}/pyproject.toml ray[default]=={VERSIONS['RAY']} boto3>=1.35")
    assert any(f"--managed-python --python {VERSIONS['PYTHON']}" in call for call in calls)
    on_gpus = [shlex.split(call)[-1] for call in calls if "onnxruntime-gpu" in call]
    assert on_gpus == [f"onnxruntime-gpu{dependencies()['onnxruntime'].specifier}"] * (2 if has_gpu else 0)
    assert (tmp_path / ".bashrc").read_text() == f". {DEPLOY}/node.env\n"


class Metadata(BaseHTTPRequestHandler):
    """A machine's metadata server: ``cloud`` is aws or gcp, ``notice`` whether it will be taken away."""

    cloud = "aws"
    notice = False

    def do_PUT(self) -> None:
        self._answer("token" if self.cloud == "aws" and self.path == "/latest/api/token" else None)

    def do_GET(self) -> None:
        if self.cloud == "gcp":
            google = self.headers.get("Metadata-Flavor") == "Google"
            answers = {"id": "1", "preempted": "TRUE" if self.notice else "FALSE"}
            self._answer(answers.get(self.path.removeprefix("/computeMetadata/v1/instance/")) if google else None)
        else:
            known = self.notice and self.headers.get("X-aws-ec2-metadata-token") == "token"
            self._answer('{"action": "terminate"}' if known and self.path == "/latest/meta-data/spot/instance-action" else None)

    def _answer(self, text: str | None) -> None:
        self.send_response(404 if text is None else 200)
        self.end_headers()
        self.wfile.write((text or "").encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


@pytest.fixture
def metadata() -> Iterator[type[Metadata]]:
    handler = type("Handler", (Metadata,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.address = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield handler
    server.shutdown()
    server.server_close()


RAY = """
trap 'echo "drains for $RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S s" >> "$HOME/calls"; exit 1' TERM
echo $$ > "$HOME/pid"; echo 'Ray runtime started.'
for _ in $(seq 100); do sleep 0.1; done"""


@pytest.mark.parametrize(("cloud", "drain"), [("aws", "100"), ("gcp", "25")])
def test_a_spot_notice_drains_the_node(
    cloud: str, drain: str, stub: Callable[..., dict[str, str]], metadata: type[Metadata], tmp_path: Path
) -> None:
    metadata.cloud, metadata.notice = cloud, True
    ended = start_node(stub(ray=RAY), metadata, tmp_path)
    assert ended.returncode == 0, ended.stderr
    wait_until(lambda: f"drains for {drain} s" in (tmp_path / "calls").read_text())
    assert "ray start --block --address=head:6379" in (tmp_path / "calls").read_text()


@pytest.mark.parametrize("cloud", ["aws", "gcp", "none of them"])
def test_without_a_notice_it_stays(
    cloud: str, stub: Callable[..., dict[str, str]], metadata: type[Metadata], tmp_path: Path
) -> None:
    metadata.cloud = cloud
    ended = start_node(stub(ray=RAY), metadata, tmp_path)
    assert ended.returncode == 0, ended.stderr
    time.sleep(1)
    node = int((tmp_path / "pid").read_text())
    assert "drains" not in (tmp_path / "calls").read_text()
    os.kill(node, signal.SIGKILL)  # it must have lived until here


def test_a_node_that_cannot_start_says_why(
    stub: Callable[..., dict[str, str]], metadata: type[Metadata], tmp_path: Path
) -> None:
    ended = start_node(stub(ray="echo no head at that address; exit 1"), metadata, tmp_path)
    assert ended.returncode == 1
    assert "no head at that address" in ended.stderr


def start_node(environment: dict[str, str], metadata: Any, folder: Path) -> subprocess.CompletedProcess[str]:
    own = {"SPEECHMILL_METADATA": metadata.address, "SPEECHMILL_NODE_LOG": str(folder / "log")}
    own["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"] = "100"  # as node.env has it
    command = [str(DEPLOY / "start_node.sh"), "--address=head:6379"]
    return subprocess.run(command, env=environment | own, capture_output=True, text=True, timeout=60, check=False)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# --- KubeRay -----------------------------------------------------------------------------------------------------


def strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """An OpenAPI schema as JSON schema that refuses fields that it does not name, as ``kubectl`` does."""
    made = {key: value for key, value in schema.items() if key != "format"}
    if "properties" in schema:
        made["properties"] = {name: strict(value) for name, value in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            made["additionalProperties"] = False
    if isinstance(schema.get("items"), dict):
        made["items"] = strict(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = strict(schema["additionalProperties"])
    if schema.get("x-kubernetes-int-or-string"):
        made["type"] = ["integer", "string"]
    return made


@pytest.mark.skipif(not CRDS.exists(), reason="KubeRay's CRDs are in ../shared/kuberay, which is not here")
@pytest.mark.parametrize("name", KUBERAY)
def test_kuberay_accepts_its_manifest(name: str) -> None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a megabyte
    crd = yaml.load((CRDS / f"ray.io_{name}s.yaml").read_text(), Loader=loader)  # noqa: S506 - both are safe
    (version,) = (version for version in crd["spec"]["versions"] if version["name"] == "v1")
    schema = strict(version["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}  # Kubernetes knows what is in there
    validator = jsonschema.Draft7Validator(schema)
    manifest = read(DEPLOY / f"{name}.yaml")
    validator.validate(manifest)
    manifest["spec"]["typo"] = 1
    with pytest.raises(jsonschema.ValidationError, match="typo"):
        validator.validate(manifest)


def test_all_manifests_have_the_same_cluster() -> None:
    cluster, job, nightly = (read(DEPLOY / f"{name}.yaml")["spec"] for name in KUBERAY)
    assert job["rayClusterSpec"] == cluster
    template = nightly["jobTemplate"]
    assert {**template, "entrypoint": ""} == {**job, "entrypoint": ""}


def test_the_cluster_scales_from_nothing_and_drains_in_time() -> None:
    cluster = read(DEPLOY / "raycluster.yaml")["spec"]
    head = cluster["headGroupSpec"]
    assert head["rayStartParams"]["num-cpus"] == "0"
    assert {"name": "RAY_enable_autoscaler_v2", "value": "1"} in head["template"]["spec"]["containers"][0]["env"]
    assert cluster["autoscalerOptions"]["version"] == "v2"
    for group in cluster["workerGroupSpecs"]:
        pod = group["template"]["spec"]
        (worker,) = pod["containers"]
        environment = {entry["name"]: entry["value"] for entry in worker["env"]}
        assert group["minReplicas"] == 0
        assert pod["restartPolicy"] == "Never"
        assert float(environment["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"]) < pod["terminationGracePeriodSeconds"]
        mounted = {mount["mountPath"]: mount["name"] for mount in worker["volumeMounts"]}
        on_host = {volume["name"] for volume in pod["volumes"] if "hostPath" in volume}
        assert {mounted[environment[name]] for name in ("SPEECHMILL_CORES", "SPEECHMILL_CACHE")} == on_host


@pytest.mark.parametrize("name", KUBERAY[1:])
def test_entrypoints_name_options_that_exist(name: str) -> None:
    spec = read(DEPLOY / f"{name}.yaml")["spec"]
    words = spec.get("jobTemplate", spec)["entrypoint"].replace("'", "").split()
    script = next(word for word in words if word.endswith(".py"))
    command = [sys.executable, str(ROOT / script.removeprefix("/app/")), "--help"]
    known = subprocess.run(command, env={"COLUMNS": "300"}, capture_output=True, text=True, check=True).stdout
    assert [word for word in words if word.startswith("--") and word not in known] == []


# --- environments ------------------------------------------------------------------------------------------------


def test_the_runtime_environment_is_what_pyproject_lists() -> None:
    environment = read(DEPLOY / "runtime_env.yaml")
    assert [Requirement(line) for line in environment["uv"]["packages"]] == [*dependencies(of_nodes=True).values()]


def test_ray_accepts_the_runtime_environment() -> None:
    from ray.runtime_env import RuntimeEnv

    environment = RuntimeEnv(**read(DEPLOY / "runtime_env.yaml"))
    assert environment.uv_config()["uv_pip_install_options"] == []


def test_what_jobs_leave_behind_exists() -> None:
    ignored = [line for line in (ROOT / ".rayignore").read_text().splitlines() if line and not line.startswith("#")]
    assert {"/tests/", "/training/"} <= set(ignored)
    for pattern in ignored:
        assert list(ROOT.glob(pattern.strip("/"))), pattern


def test_the_worker_image_installs_what_pyproject_lists_and_no_torch() -> None:
    text = (DEPLOY / "Dockerfile.worker").read_text()
    assert "torch" not in re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    assert all("torch" not in name for name in dependencies())
    (install,) = re.findall(r"uv pip install .*--requirements (\S+)", text)
    assert install == "/tmp/worker/pyproject.toml"  # noqa: S108 - in the image
    assert "--no-deps --editable ." in text


def test_all_ways_to_make_nodes_agree_on_python_and_ray() -> None:
    arguments = dict(re.findall(r"^ARG (PYTHON|RAY)=(\S+)$", (DEPLOY / "Dockerfile.worker").read_text(), re.MULTILINE))
    assert arguments == VERSIONS
    assert read(DEPLOY / "raycluster.yaml")["spec"]["rayVersion"] == VERSIONS["RAY"]
    assert VERSIONS["RAY"] in dependencies()["ray"].specifier
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert VERSIONS["PYTHON"] in SpecifierSet(project["requires-python"])


@pytest.mark.parametrize("package", ["onnxruntime", "onnxruntime-gpu"])
def test_the_image_takes_one_of_the_onnxruntimes(package: str) -> None:
    (expression,) = re.findall(r'sed "(.*)" pyproject\.toml', (DEPLOY / "Dockerfile.worker").read_text())
    expression = expression.replace('\\"', '"').replace("${ONNXRUNTIME}", package)
    text = subprocess.run(["sed", expression, ROOT / "pyproject.toml"], capture_output=True, text=True, check=True).stdout
    names = {Requirement(line).name for line in tomllib.loads(text)["project"]["dependencies"]}
    assert names == {name for name in dependencies() if name != "onnxruntime"} | {package}


@pytest.mark.parametrize("dockerfile", sorted(DEPLOY.glob("Dockerfile.*")), ids=lambda path: path.name)
def test_what_images_copy_exists(dockerfile: Path) -> None:
    for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile.read_text(), re.MULTILINE):
        assert [name for name in line.split()[:-1] if not (ROOT / name).exists()] == []


def test_the_image_has_every_package_that_a_submitted_job_has() -> None:
    lines = re.findall(r"^COPY (?!--from)(.*)$", (DEPLOY / "Dockerfile.worker").read_text(), re.MULTILINE)
    left_behind = {line.strip("/") for line in (ROOT / ".rayignore").read_text().splitlines()}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - left_behind
    assert {"actors", "embedded", "jobs"} <= packages
    assert packages <= {name for line in lines for name in line.split()[:-1]}


# --- metrics -----------------------------------------------------------------------------------------------------


def test_the_dashboard_shows_metrics_that_exist() -> None:
    dashboard = json.loads((DEPLOY / "grafana_dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    variables = [entry["query"]["query"] for entry in dashboard["templating"]["list"] if entry["name"] == "run"]
    shown = {name for text in expressions + variables for name in re.findall(r"ray_(speechmill_\w+)", text)}
    assert shown == set(METRICS)
    for text in expressions:
        for name, labels in re.findall(r"ray_(speechmill_\w+)\{(.*?)\}", text):
            assert {label.split("=")[0].strip() for label in labels.split(",")} <= set(METRICS[name].tags), text
        for label in re.findall(r"by \((\w+)\).*ray_speechmill", text):
            assert any(label in METRICS[name].tags for name in re.findall(r"ray_(speechmill_\w+)", text)), text


def test_prometheus_reads_where_ray_writes() -> None:
    from ray._private.ray_constants import PROMETHEUS_SERVICE_DISCOVERY_FILE

    ours, _ = read(DEPLOY / "prometheus.yaml")["scrape_configs"]
    assert ours["file_sd_configs"][0]["files"] == [f"/tmp/ray/{PROMETHEUS_SERVICE_DISCOVERY_FILE}"]  # noqa: S108
