"""`mesh inject` and `uninject`: what goes in and out, the report, and manifests that are none."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.tests.run_mesh import mesh
from proxy_injector.ending import DEBUG_STAYS, PROXY_STAYS
from weft import labels

APP = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: example/web
        ports:
        - containerPort: 8080
---
apiVersion: v1
kind: Service
metadata:
  name: web-svc
spec:
  ports:
  - port: 80
"""

INJECTED = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  annotations:
    linkerd.io/inject: enabled
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
      annotations:
        linkerd.io/inject: enabled
    spec:
      containers:
      - name: web
        image: example/web
        ports:
        - containerPort: 8080
---
apiVersion: v1
kind: Service
metadata:
  name: web-svc
spec:
  ports:
  - port: 80
"""

REPORT = """
namespace "shop" annotated
deployment "web" injected
service "web-svc" skipped

"""


def workload(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "x/v1", "kind": kind, "metadata": {"name": "w"}, "spec": spec}


def documents(text: str) -> list[Any]:
    return list(yaml.safe_load_all(text))


def test_annotations_go_to_stdout_and_the_report_to_stderr() -> None:
    ran = mesh("inject", "-", stdin=APP)
    assert (ran.code, ran.out, ran.err) == (0, INJECTED, REPORT)


def test_injecting_twice_changes_nothing_more() -> None:
    once = mesh("inject", "-", stdin=APP).out
    assert mesh("inject", "-", stdin=once).out == once


def test_uninject_is_the_way_back() -> None:
    manual = mesh(
        "inject", "--manual", "--ignore-cluster", "-", stdin=mesh("inject", "-", stdin=APP).out
    )
    assert "linkerd-proxy" in manual.out
    back = mesh("uninject", "-", stdin=manual.out)
    assert documents(back.out) == documents(APP)
    assert (
        back.err
        == '\nnamespace "shop" uninjected\ndeployment "web" uninjected\nservice "web-svc" skipped\n\n'
    )
    again = mesh("uninject", "-", stdin=back.out)
    assert again.out == back.out
    assert "uninjected" not in again.err


@pytest.mark.parametrize("metadata", [{}, None, {"annotations": {}, "labels": None}])
def test_what_has_nothing_of_the_mesh_is_not_uninjected(metadata: dict[str, Any] | None) -> None:
    """As `kubectl create cronjob --dry-run=client -o yaml` writes templates."""
    template = {"metadata": metadata, "spec": {"containers": [{"name": "a", "image": "i"}]}}
    made = workload("CronJob", {"jobTemplate": {"spec": {"template": template}}})
    ran = mesh("uninject", "-", stdin=yaml.safe_dump(made))
    assert (documents(ran.out), ran.err) == ([made], '\ncronjob "w" skipped\n\n')


CONTAINER = {"containers": [{"name": "a", "image": "i"}]}
TEMPLATE = {"template": {"spec": CONTAINER}}


@pytest.mark.parametrize(
    "kind", ["Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController", "Job"]
)
@pytest.mark.parametrize("manual", [False, True])
def test_every_workload_kind_is_injected_in_its_template(kind: str, manual: bool) -> None:
    flags = ("--manual", "--ignore-cluster") if manual else ()
    ran = mesh("inject", *flags, "-", stdin=yaml.safe_dump(workload(kind, TEMPLATE)))
    (found,) = documents(ran.out)
    assert found["spec"]["template"]["metadata"]["annotations"][labels.INJECT] == "enabled"
    names = [one["name"] for one in found["spec"]["template"]["spec"]["containers"]]
    assert names == (["linkerd-proxy", "a"] if manual else ["a"])
    if manual:
        owner = found["spec"]["template"]["metadata"]["labels"][f"linkerd.io/proxy-{kind.lower()}"]
        assert owner == "w"


def test_cron_jobs_pods_and_lists_are_injected_where_their_pods_are() -> None:
    listed = {
        "apiVersion": "v1", "kind": "List",
        "items": [workload("CronJob", {"jobTemplate": {"spec": TEMPLATE}}), workload("Pod", CONTAINER), workload("ConfigMap", {})],
    }  # fmt: skip
    ran = mesh("inject", "-", stdin=yaml.safe_dump(listed))
    (found,) = documents(ran.out)
    cron, pod, config = found["items"]
    assert cron["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["annotations"] == {
        labels.INJECT: "enabled"
    }
    assert pod["metadata"] == {"name": "w", "annotations": {labels.INJECT: "enabled"}}
    assert config == listed["items"][2]
    assert ran.err == '\ncronjob "w" injected\npod "w" injected\nconfigmap "w" skipped\n\n'


def test_native_sidecars_are_init_containers_when_asked_for() -> None:
    ran = mesh(
        "inject",
        "--manual",
        "--ignore-cluster",
        "--native-sidecar",
        "-",
        stdin=yaml.safe_dump(workload("Pod", CONTAINER)),
    )
    (found,) = documents(ran.out)
    assert [one["name"] for one in found["spec"]["initContainers"]] == [
        "linkerd-init",
        "linkerd-proxy",
    ]


def job(**annotations: str) -> dict[str, Any]:
    spec = {**CONTAINER, "restartPolicy": "Never"}
    return workload("Job", {"template": {"metadata": {"annotations": annotations}, "spec": spec}})


CLASSIC = {labels.PROXY_ENABLE_NATIVE_SIDECAR: "false"}


@pytest.mark.parametrize(
    ("flags", "annotations", "said"),
    [
        ((), {}, ""),
        (("--enable-debug-sidecar",), {}, ""),
        ((), CLASSIC, PROXY_STAYS),
        (("--enable-debug-sidecar",), CLASSIC, DEBUG_STAYS),
        (("--manual", "--ignore-cluster"), {}, PROXY_STAYS),
        (("--manual", "--ignore-cluster", "--native-sidecar", "--enable-debug-sidecar"), {}, ""),
    ],
)
def test_a_job_that_will_not_end_is_told_of(
    flags: tuple[str, ...], annotations: dict[str, str], said: str
) -> None:
    ran = mesh("inject", *flags, "-", stdin=yaml.safe_dump(job(**annotations)))
    warned = f"\n‼ job/w: {said}\n" if said else ""
    assert ran.err.endswith(f'{warned}\njob "w" injected\n\n')
    assert said or "will not end" not in ran.err


def test_flags_become_annotations() -> None:
    flags = (
        "--skip-outbound-ports",
        "3306,4000-4001",
        "--proxy-log-level",
        "debug",
        "--ingress",
        "--enable-debug-sidecar",
        "--opaque-ports",
        "25",
    )
    namespace, deployment, service = documents(mesh("inject", *flags, "-", stdin=APP).out)
    expected = {
        labels.INJECT: "ingress", labels.SKIP_OUTBOUND_PORTS: "3306,4000-4001", labels.PROXY_LOG_LEVEL: "debug",
        labels.ENABLE_DEBUG_SIDECAR: "true", labels.OPAQUE_PORTS: "25",
    }  # fmt: skip
    assert namespace["metadata"]["annotations"] == expected
    assert deployment["spec"]["template"]["metadata"]["annotations"] == expected
    assert service["metadata"]["annotations"] == {labels.OPAQUE_PORTS: "25"}


def in_mode(mode: str) -> str:
    """A Deployment and a Namespace with this annotation."""
    metadata = {"name": "w", "annotations": {labels.INJECT: mode}}
    deployment = workload("Deployment", {"template": {"metadata": metadata, "spec": CONTAINER}})
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    return yaml.safe_dump_all([deployment, namespace])


@pytest.mark.parametrize(
    ("mode", "flags", "then"),
    [
        ("ingress", (), "ingress"),
        ("ingress", ("--proxy-log-level", "debug"), "ingress"),
        ("ingress", ("--manual", "--ignore-cluster"), "ingress"),
        ("enabled", ("--ingress",), "ingress"),
        ("enabled", (), "enabled"),
    ],
)
def test_the_ingress_mode_that_is_written_stays(
    mode: str, flags: tuple[str, ...], then: str
) -> None:
    ran = mesh("inject", *flags, "-", stdin=in_mode(mode))
    deployment, namespace = documents(ran.out)
    pod = deployment["spec"]["template"]
    assert pod["metadata"]["annotations"][labels.INJECT] == then
    assert namespace["metadata"]["annotations"][labels.INJECT] == then
    assert 'deployment "w" injected\nnamespace "w" annotated\n' in ran.err
    if "--manual" in flags:
        (proxy,) = [one for one in pod["spec"]["containers"] if one["name"] == "linkerd-proxy"]
        assert {"name": "LINKERD2_PROXY_INGRESS_MODE", "value": "true"} in proxy["env"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--skip-outbound-ports", "http"), '--skip-outbound-ports: "http" is not allowed'),
        (("--proxy-cpu-limit", "lots"), "--proxy-cpu-limit"),
        (("--close-wait-timeout", "9" * 400), "--close-wait-timeout"),
        (("--default-inbound-policy", "denny"), "all-unauthenticated"),
        (("--inbound-port", "99999"), "1 to 65535"),
        (("--inbound-port", "4140"), f'{labels.INBOUND_PORT}: "4140" is not allowed'),
        (("--outbound-port", "4143"), f'{labels.OUTBOUND_PORT}: "4143" is not allowed'),
        (("--proxy-image", "example/proxy:1"), '--proxy-image: "example/proxy:1" is not allowed'),
        (("--wait-before-exit-seconds", "x"), "0 to 3600"),
    ],
)
def test_flags_with_unusable_values_are_named(flags: tuple[str, ...], said: str) -> None:
    ran = mesh("inject", *flags, "-", stdin=APP)
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err


UNUSABLE = [
    (labels.CLOSE_WAIT_TIMEOUT, "9" * 400, "at most 2147483"),
    (labels.PROXY_CPU_LIMIT, "9" * 5000, "a Kubernetes quantity"),
    (labels.PROXY_ADDITIONAL_ENV, '[{"name":"A=B"}]', "number 0 needs a name of printable ASCII"),
    (labels.PROXY_ADDITIONAL_ENV, '[{"name":"A","value":"\\ud800"}]', "half a character"),
    (labels.PROXY_ADDITIONAL_ENV, '[{"name":"A","valueFrom":{"x":NaN}}]', "a JSON list"),
]
WAYS = [(), ("--manual", "--ignore-cluster")]


@pytest.mark.parametrize("flags", WAYS)
def test_a_request_above_the_limit_is_named(flags: tuple[str, ...]) -> None:
    ran = mesh(
        "inject",
        *flags,
        "--proxy-memory-request",
        "2Gi",
        "--proxy-memory-limit",
        "64Mi",
        "-",
        stdin=APP,
    )
    assert (ran.code, ran.out) == (1, "")
    assert f'annotation {labels.PROXY_MEMORY_REQUEST}: "2Gi" is not allowed' in ran.err
    assert "up to the limit, 64Mi" in ran.err


@pytest.mark.parametrize("flags", WAYS)
@pytest.mark.parametrize(("annotation", "value", "allowed"), UNUSABLE)
def test_annotations_the_webhook_would_refuse_are_named(
    annotation: str, value: str, allowed: str, flags: tuple[str, ...]
) -> None:
    asked = {"metadata": {"annotations": {annotation: value}}, "spec": CONTAINER}
    written = yaml.safe_dump(workload("Deployment", {"template": asked}))
    ran = mesh("inject", *flags, "-", stdin=written)
    assert (ran.code, ran.out) == (1, "")
    assert f'annotation {annotation}: "{value}" is not allowed' in ran.err
    assert allowed in ran.err


def test_findings_come_before_the_rows() -> None:
    host = workload("Pod", {**CONTAINER, "hostNetwork": True})
    meshed = workload("Pod", {"containers": [{"name": "istio-proxy"}]})
    off = {
        **workload("Pod", CONTAINER),
        "metadata": {"name": "off", "annotations": {labels.INJECT: "disabled"}},
    }
    udp = workload(
        "Deployment",
        {
            "template": {
                "spec": {
                    "containers": [
                        {"name": "d", "ports": [{"containerPort": 53, "protocol": "UDP"}]}
                    ]
                }
            }
        },
    )
    ran = mesh("inject", "-", stdin=yaml.safe_dump_all([host, meshed, off, udp]))
    assert ran.code == 0
    assert ran.err == (
        '\n‼ "hostNetwork: true" detected in pod/w\n'
        "‼ known 3rd party sidecar detected in pod/w\n"
        '‼ "linkerd.io/inject: disabled" annotation set on pod/off\n'
        '‼ deployment/w uses "protocol: UDP"\n'
        '\npod "w" skipped\npod "w" skipped\npod "off" skipped\ndeployment "w" injected\n\n'
    )


def test_nothing_to_inject_is_said() -> None:
    ran = mesh(
        "inject", "-", stdin="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\nfoo: 1\n"
    )
    assert (
        ran.err
        == '\n‼ no supported objects found\n\nconfigmap "c" skipped\ndocument missing "kind" field, skipped\n\n'
    )
    assert mesh("inject", "-", stdin="").out == ""


def test_a_kind_in_other_letters_is_told_of() -> None:
    spec = {"template": {"spec": CONTAINER}}
    ran = mesh("inject", "-", stdin=yaml.safe_dump(workload("deployment", spec)))
    assert '‼ deployment/w: kind "deployment" is not known: it is written "Deployment"\n' in ran.err
    assert 'deployment "w" skipped' in ran.err


@pytest.mark.parametrize("source", ["", "ftp://example.com/app.yaml", "file:///app.yaml"])
def test_what_is_no_source_is_told_what_is_one(source: str) -> None:
    ran = mesh("inject", source)
    assert (ran.code, ran.out) == (1, "")
    assert f"cannot read '{source}': allowed are a file, a directory, an address" in ran.err


def test_verbose_says_what_was_looked_at() -> None:
    lines = mesh("inject", "--verbose", "-", stdin=APP).err.splitlines()
    assert [line[0] for line in lines[1:7]] == ["√"] * 6
    assert lines[1] == "√ pods do not use host networking"


def test_a_misspelt_annotation_is_a_warning() -> None:
    text = APP.replace(
        "        app: web\n    spec",
        "        app: web\n      annotations: {config.linkerd.io/proxy-log-levl: x}\n    spec",
    )
    assert "did you mean config.linkerd.io/proxy-log-level?" in mesh("inject", "-", stdin=text).err


def test_json_in_json_out() -> None:
    ran = mesh(
        "inject",
        "-o",
        "json",
        "-",
        stdin='{"apiVersion": "v1",\n\t"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}]}}',
    )
    assert yaml.safe_load(ran.out)["metadata"]["annotations"] == {labels.INJECT: "enabled"}
    assert ran.out.startswith("{")


def test_directories_are_read_in_order_and_only_manifests(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name, pod in (("b.yaml", "second"), ("a.yml", "first"), ("sub/c.json", "third")):
        (tmp_path / name).write_text(yaml.safe_dump({**workload("Pod", CONTAINER), "metadata": {"name": pod}}) if not name.endswith("json")
                                     else '{"kind": "Pod", "metadata": {"name": "third"}, "spec": {"containers": [{"name": "a"}]}}')  # fmt: skip
    (tmp_path / "README.md").write_text("{{{")
    ran = mesh("inject", str(tmp_path))
    assert [one["metadata"]["name"] for one in documents(ran.out)] == ["first", "second", "third"]


def test_values_that_only_look_like_numbers_or_dates_stay_what_they_are() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {date: 2020-01-01, time: 12:30:45, mode: 0644, text: '007'}\n"
    (found,) = documents(mesh("inject", "-", stdin=text).out)
    assert found["data"] == {
        "date": found["data"]["date"],
        "time": found["data"]["time"],
        "mode": 420,
        "text": "007",
    }
    assert "2020-01-01" in mesh("inject", "-", stdin=text).out
    assert "12:30:45" in mesh("inject", "-", stdin=text).out


# -- sources that are refused --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("http://example.com/app.yaml", "without encryption"),
        ("https://[x/app.yaml", "cannot read https://[x/app.yaml: Invalid IPv6 URL"),
        ("/nonexistent/app.yaml", "cannot read /nonexistent/app.yaml: No such file or directory"),
    ],
)
def test_sources_that_cannot_be_used_are_named(argument: str, said: str) -> None:
    ran = mesh("inject", argument)
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err


def test_an_empty_directory_is_named(tmp_path: Path) -> None:
    assert f"directory {tmp_path} has no .yaml" in mesh("inject", str(tmp_path)).err


# -- manifests that are none ---------------------------------------------------------------------

OK = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\n"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(8)
)
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"

MALFORMED: list[tuple[str, str | bytes, tuple[str, ...]]] = [
    ("tab as indentation", OK + "kind: Pod\nspec:\n\tcontainers: []\n", ("document 2", "line 7", "not YAML")),
    ("open bracket", OK + "kind: [Pod\n", ("document 2", "line", "not YAML")),
    ("open quote", 'kind: "Pod\n', ("document 1", "not YAML")),
    ("bad indentation", "kind: Pod\n  spec: x\n", ("document 1", "line 2")),
    ("unknown alias", "kind: *nope\n", ("document 1", "line 1", "undefined alias")),
    ("unknown tag", "kind: !!python/object:os.system x\n", ("document 1", "line 1", "python/object")),
    ("duplicate key", "kind: Pod\nmetadata: {name: a}\nkind: Job\n", ("line 3", "'kind' is given twice")),
    ("alias bomb", BOMB, ("document 1", "expand to more than")),
    ("endless alias", "kind: Pod\nspec: &a {x: *a}\n", ("document 1", "alias")),
    ("key that is a list", "? [a, b]\n: c\n", ("document 1", "line 1", "key must be plain text")),
    ("control characters", "kind: Pod\x00\n", ("document 1", "not YAML")),
    ("not UTF-8", b"kind: Pod\nname: \xff\xfe\n", ("line 2", "not UTF-8")),
    ("plain text", "hello world\n", ("document 1 (line 1)", "not plain text")),
    ("a list", OK + "- kind: Pod\n", ("document 2 (line 5)", "not a list")),
    ("a number", "42\n", ("document 1", "not a number")),
    ("broken JSON", '{"kind": "Pod",}', ("document 1", "line 1", "not JSON")),
    ("JSON with twin keys", '{"kind": "Pod", "kind": "Job"}', ("document 1", "'kind' is given twice")),
    ("JSON with half a character", '{"kind": "Pod", "metadata": {"name": "a\\ud800"}}', ("document 1", "half of a surrogate pair")),
    ("a tag that does not fit", "kind: Pod\nx: !!int y\n", ("document 1, line 1", "not what its tag (!!) says")),
    ("a tag that JSON has not", "kind: Pod\nx: !!timestamp 2020-01-01\n", ("document 1, line 2", ":timestamp is nothing that JSON has")),
    ("a number that JSON has not", "kind: Pod\nx: .inf\n", ("document 1, line 2", ".inf is no number that JSON has")),
    ("JSON without end", '{"a":' * 50_000, ("document 1", "not JSON")),
    ("kind that is a number", "kind: 7\n", ("document 1", "kind must be a string, not a number")),
    ("metadata that is a list", "kind: Pod\nmetadata: []\n", ("metadata must be an object, not a list",)),
    ("name that is a number", "kind: Pod\nmetadata: {name: 7}\n", ("metadata.name must be a string", "quotes")),
    ("pod without spec", "kind: Pod\nmetadata: {name: p}\n", ("document 1", "spec is missing")),
    ("pod without containers", "kind: Pod\nspec: {}\n", ("spec.containers is missing or empty",)),
    ("deployment without spec", OK + DEPLOYMENT, ("document 2 (line 5)", "spec is missing")),
    ("deployment without template", DEPLOYMENT + "spec: {replicas: 1}\n", ("spec.template is missing",)),
    ("template that is text", DEPLOYMENT + "spec: {template: x}\n", ("spec.template must be an object, not a string",)),
    ("template without spec", DEPLOYMENT + "spec: {template: {}}\n", ("spec.template.spec is missing",)),
    ("containers that are an object", DEPLOYMENT + "spec: {template: {spec: {containers: {name: a}}}}\n", ("spec.containers must be a list, not an object",)),
    ("container that is text", DEPLOYMENT + "spec: {template: {spec: {containers: [a]}}}\n", ("spec.containers[0] must be an object, not a string",)),
    ("container without name", DEPLOYMENT + "spec: {template: {spec: {containers: [{image: x}]}}}\n", ("spec.containers[0].name is missing",)),
    ("port that is text", DEPLOYMENT + 'spec: {template: {spec: {containers: [{name: a, ports: [{containerPort: "80"}]}]}}}\n', ("container a", "containerPort must be a number")),
    ("annotation that is a boolean", DEPLOYMENT + "spec: {template: {metadata: {annotations: {a: true}}, spec: {containers: [{name: a}]}}}\n", ("metadata.annotations[a] must be a string, not a boolean", "quotes")),
    ("annotations that are a list", DEPLOYMENT + "spec: {template: {metadata: {annotations: [a]}, spec: {containers: [{name: a}]}}}\n", ("annotations must be an object, not a list",)),
    ("port annotation that is none", DEPLOYMENT + "spec: {template: {metadata: {annotations: {config.linkerd.io/skip-inbound-ports: http}}, spec: {containers: [{name: a}]}}}\n", ("config.linkerd.io/skip-inbound-ports", '"http"', "ports and ranges")),
    ("policy that does not exist", "kind: Namespace\nmetadata: {name: shop, annotations: {config.linkerd.io/default-inbound-policy: denny}}\n", ('"denny"', "deny, audit")),
    ("list whose items are an object", "kind: List\nitems: {a: b}\n", ("items must be a list",)),
    ("list with text in it", "kind: List\nitems: [x]\n", ("items[0] must be an object",)),
    ("list with a broken pod", "kind: List\nitems:\n- kind: ConfigMap\n- kind: Pod\n", ("items[1]: ", "spec is missing")),
    ("cron job without job", "kind: CronJob\nspec: {}\n", ("spec.jobTemplate is missing",)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED]
)
@pytest.mark.parametrize("from_file", [False, True])
def test_what_is_no_manifest_is_refused_with_its_place(
    text: str | bytes, said: tuple[str, ...], from_file: bool, tmp_path: Path
) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    if from_file:
        (tmp_path / "app.yaml").write_bytes(data)
    ran = mesh("inject", str(tmp_path / "app.yaml") if from_file else "-", stdin=data)
    assert ran.code == 1
    assert ran.out == ""
    assert ran.err.startswith(f"Error: {tmp_path / 'app.yaml' if from_file else 'stdin'}")
    for words in said:
        assert words in ran.err
    assert "Traceback" not in ran.err


def test_there_are_more_than_twenty() -> None:
    assert len(MALFORMED) >= 20
