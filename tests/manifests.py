#!/usr/bin/env python3
"""Checks Kubernetes manifests without a cluster: each field exists in the API (as
far as it is written down here), what must be there is, and names that refer to
something do.

usage: manifests.py FILE...

The files count as applied together: a ConfigMap of one may be named in another.
Says what is wrong, a line each; exit status 1 then, 65 where a file is no YAML.
"""
import sys

import yaml

# A field's value: a type; [X]: a list of X; {...}: an object of these fields,
# "!" before the name of one that must be there; {"*": X}: names of one's own.
QUANTITY = (str, int)
LABELS = {"*": str}
METADATA = {"!name": str, "namespace": str, "labels": LABELS,
            "annotations": LABELS}
TEMPLATE_METADATA = {"labels": LABELS, "annotations": LABELS}
PROFILE = {"!type": str, "localhostProfile": str}
OF_POD = {"runAsNonRoot": bool, "runAsUser": int, "runAsGroup": int,
          "fsGroup": int, "fsGroupChangePolicy": str,
          "supplementalGroups": [int], "seccompProfile": PROFILE}
OF_CONTAINER = {"runAsNonRoot": bool, "runAsUser": int, "runAsGroup": int,
                "allowPrivilegeEscalation": bool, "privileged": bool,
                "readOnlyRootFilesystem": bool, "seccompProfile": PROFILE,
                "capabilities": {"drop": [str], "add": [str]}}
NAMED = {"!name": str, "optional": bool}
PROBE = {"exec": {"!command": [str]}, "periodSeconds": int,
         "timeoutSeconds": int, "initialDelaySeconds": int,
         "failureThreshold": int}
CONTAINER = {
    "!name": str, "!image": str, "imagePullPolicy": str, "command": [str],
    "args": [str], "workingDir": str, "securityContext": OF_CONTAINER,
    "env": [{"!name": str, "value": str}],
    "envFrom": [{"secretRef": NAMED, "configMapRef": NAMED}],
    "resources": {"limits": {"*": QUANTITY}, "requests": {"*": QUANTITY}},
    "livenessProbe": PROBE, "readinessProbe": PROBE,
    "volumeMounts": [{"!name": str, "!mountPath": str, "readOnly": bool,
                      "subPath": str}]}
VOLUME = {"!name": str, "configMap": {"!name": str, "defaultMode": int},
          "secret": {"!secretName": str, "defaultMode": int},
          "emptyDir": {"medium": str, "sizeLimit": QUANTITY},
          "persistentVolumeClaim": {"!claimName": str, "readOnly": bool}}
POD = {"!containers": [CONTAINER], "initContainers": [CONTAINER],
       "volumes": [VOLUME], "restartPolicy": str, "securityContext": OF_POD,
       "serviceAccountName": str, "terminationGracePeriodSeconds": int,
       "nodeSelector": LABELS}
TEMPLATE = {"metadata": TEMPLATE_METADATA, "!spec": POD}
JOB = {"!template": TEMPLATE, "backoffLimit": int,
       "activeDeadlineSeconds": int, "ttlSecondsAfterFinished": int}
KINDS = {
    ("v1", "ConfigMap"): {"data": LABELS},
    ("v1", "Secret"): {"type": str, "data": LABELS, "stringData": LABELS},
    ("v1", "Pod"): {"!spec": POD},
    ("apps/v1", "Deployment"): {"!spec": {
        "replicas": int, "!selector": {"!matchLabels": LABELS},
        "!template": TEMPLATE}},
    ("batch/v1", "CronJob"): {"!spec": {
        "!schedule": str, "concurrencyPolicy": str, "suspend": bool,
        "startingDeadlineSeconds": int, "successfulJobsHistoryLimit": int,
        "failedJobsHistoryLimit": int, "!jobTemplate": {"!spec": JOB}}},
}
# The words of these fields, wherever they stand.
WORDS = {"restartPolicy": {"Always", "OnFailure", "Never"},
         "concurrencyPolicy": {"Allow", "Forbid", "Replace"},
         "type": {"RuntimeDefault", "Localhost", "Opaque"}}


class Loader(yaml.SafeLoader):
    """Refuses a key that is there twice."""


def mapping(loader, node, deep=False):
    keys = [loader.construct_object(key, deep=deep) for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            raise yaml.constructor.ConstructorError(
                None, None, f"'{key}' is there twice", node.start_mark)
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


Loader.add_constructor("tag:yaml.org,2002:map", mapping)


def check(value, wanted, where):
    """What VALUE has that WANTED hasn't, and the other way round."""
    if isinstance(wanted, list):
        if not isinstance(value, list):
            yield f"{where}: not a list"
            return
        for number, item in enumerate(value):
            yield from check(item, wanted[0], f"{where}[{number}]")
    elif isinstance(wanted, dict):
        if not isinstance(value, dict):
            yield f"{where}: not an object"
            return
        for name in wanted:
            if name.startswith("!") and name[1:] not in value:
                yield f"{where}: no {name[1:]}"
        for name, item in value.items():
            kind = wanted.get(name, wanted.get(f"!{name}", wanted.get("*")))
            if kind is None:
                yield f"{where}: unknown field {name}"
                continue
            yield from check(item, kind, f"{where}.{name}")
            if name in WORDS and item not in WORDS[name]:
                yield f"{where}.{name}: {item}"
    elif not isinstance(value, wanted) or (wanted is int and
                                           isinstance(value, bool)):
        yield f"{where}: {value!r} is of another type"


def pods(thing):
    """(pod's spec, its labels) in a manifest."""
    spec = thing.get("spec", {})
    while "containers" not in spec:
        template = spec.get("template") or spec.get("jobTemplate")
        if template is None:
            return
        thing, spec = template, template["spec"]
    yield spec, thing.get("metadata", {}).get("labels", {})


def check_pod(spec, names, where):
    """What the pod refers to, and how much it may."""
    volumes = [volume["name"] for volume in spec.get("volumes", [])]
    for volume in spec.get("volumes", []):
        name = volume.get("configMap", {}).get("name")
        if name is not None and ("ConfigMap", name) not in names:
            yield f"{where}: no ConfigMap {name}"
    if not spec.get("securityContext", {}).get("runAsNonRoot"):
        yield f"{where}: may be root"
    for container in spec["containers"]:
        at = f"{where}, container {container['name']}"
        for source in container.get("envFrom", []):
            name = source.get("secretRef", {}).get("name")
            if name is not None and ("Secret", name) not in names:
                yield f"{at}: no Secret {name}"
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in volumes:
                yield f"{at}: no volume {mount['name']}"
        security = container.get("securityContext", {})
        if container["image"] == "s3spool" and not (
                security.get("readOnlyRootFilesystem") and
                security.get("allowPrivilegeEscalation") is False and
                security.get("capabilities", {}).get("drop") == ["ALL"]):
            yield f"{at}: has rights that it needs not"


def faults(files):
    things = []
    for path in files:
        with open(path, encoding="utf-8") as text:
            # pylint: disable-next=no-member # SafeLoader's
            things += [(path, thing) for thing in yaml.load_all(text, Loader)]
    names = {(thing.get("kind"), thing.get("metadata", {}).get("name"))
             for _, thing in things}
    for path, thing in things:
        where = f"{path}: {thing.get('kind')}"
        fields = KINDS.get((thing.get("apiVersion"), thing.get("kind")))
        if fields is None:
            yield f"{where}: not a kind that is known here"
            continue
        found = list(check(thing, dict(fields, apiVersion=str, kind=str,
                                       **{"!metadata": METADATA}), where))
        yield from found
        if found:
            continue
        for spec, labels in pods(thing):
            yield from check_pod(spec, names, where)
            wanted = thing["spec"].get("selector", {}).get("matchLabels", {})
            if not wanted.items() <= labels.items():
                yield f"{where}: its selector doesn't meet its pods"


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 64
    try:
        found = list(faults(sys.argv[1:]))
    except yaml.YAMLError as error:
        print(error)
        return 65
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
