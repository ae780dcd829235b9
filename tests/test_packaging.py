"""What is shipped fits together: locks, version, licence, samples and the Salesforce kit."""

import re
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from ruamel.yaml import YAML

import leadsync
from leadsync.sandbox.schema.own import own_fields
from leadsync.settings.write import sample

ROOT = Path(__file__).resolve().parent.parent
KIT = ROOT / "deploy" / "salesforce"
PROJECT: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
XML = {"": "http://soap.sforce.com/2006/04/metadata"}
SANDBOX_TYPES = {"LongTextArea": "textarea", "Text": "string", "Number": "double", "Checkbox": "boolean", "DateTime": "datetime",
                 "Picklist": "picklist", "Lookup": "reference"}  # fmt: skip


def locked(name: str) -> Mapping[str, str]:
    """Each package of a lock file with its lines."""
    blocks = re.split(r"^(?=[A-Za-z0-9])", (ROOT / name).read_text(), flags=re.M)
    return {block.partition("==")[0].lower(): block for block in blocks if "==" in block}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_versions_and_hashes_and_no_address(name: str) -> None:
    packages = locked(name)
    assert "://" not in (ROOT / name).read_text()
    # Two hashes at least: the source archive alone would have to be built while it is installed.
    assert [package for package, block in packages.items() if block.count("--hash=sha256:") < 2] == []


def test_the_lock_has_every_dependency_in_a_version_that_the_project_allows() -> None:
    packages = locked("requirements.lock")
    for line in PROJECT["project"]["dependencies"]:
        need = Requirement(line)
        version = re.findall(r"==(\S+)", packages[re.sub(r"[._]", "-", need.name.lower())])[0]
        assert need.specifier.contains(version), line


def test_the_tools_lock_has_the_same_versions_as_the_programs() -> None:
    tools, program = locked("requirements-dev.lock"), locked("requirements.lock")
    version = {name: re.findall(r"==(\S+)", block)[0] for name, block in tools.items()}
    assert {name: version[name] for name in program} == {
        name: re.findall(r"==(\S+)", block)[0] for name, block in program.items()
    }


def test_version_licence_and_changelog_agree() -> None:
    project = PROJECT["project"]
    assert project["version"] == leadsync.__version__
    assert re.search(
        rf"^## \[{re.escape(leadsync.__version__)}\] - (Unreleased|\d{{4}}-\d\d-\d\d)$",
        (ROOT / "CHANGELOG.md").read_text(),
        re.M,
    )
    assert project["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()[:200]


@pytest.mark.parametrize(
    "path",
    sorted(
        path.relative_to(ROOT).as_posix()
        for folder in ("config", "mappings")
        for path in (ROOT / folder).glob("*.yaml")
    ),
)
def test_the_files_shown_are_the_files_shipped(path: str) -> None:
    assert (ROOT / path).read_text() == sample(path)


def metadata(path: Path) -> ET.Element:
    return ET.fromstring(path.read_bytes())


def kit_fields() -> Mapping[tuple[str, str], ET.Element]:
    """Every field of the Salesforce kit by object and name."""
    return {
        (path.parent.parent.name, path.name.split(".")[0]): metadata(path) for path in KIT.rglob("*.field-meta.xml")
    }


def picklist(field: ET.Element) -> list[str | None]:
    return [value.findtext("label", namespaces=XML) for value in field.iterfind(".//value", XML)]


def mapped_own() -> set[tuple[str, str]]:
    """The fields of leadsync's own that the sample mapping names."""
    mapping = YAML(typ="safe").load(sample("mappings/salesforce.yaml"))
    own = {
        spec["field"]
        for spec in mapping["fields"].values()
        if isinstance(spec, dict) and spec["field"].startswith("LeadSync_")
    }
    return {(name, field) for name in ("Lead", "Contact") for field in own} | {
        ("Contact", mapping["contact"]["stage"]["field"])
    }


def test_the_kit_makes_every_field_that_the_sample_mapping_takes_for_leadsyncs_own() -> None:
    computed = {(name, "LeadSync_Stage_Age__c") for name in ("Lead", "Contact")}
    assert set(kit_fields()) == mapped_own() | computed


def test_a_field_of_the_kit_is_what_the_sandbox_has() -> None:
    fields = kit_fields()
    for own in own_fields():
        for name in ("Lead", "Contact"):
            field = fields[name, own.name]
            kind = str(field.findtext("type", namespaces=XML))
            assert SANDBOX_TYPES[kind] == own.type, own.name
            assert (field.find("formula", XML) is not None) == own.calculated
            if kind in ("Text", "LongTextArea"):
                assert int(str(field.findtext("length", namespaces=XML))) == own.length, own.name


def test_a_field_says_its_own_name_and_what_it_is_for() -> None:
    for (_, name), field in kit_fields().items():
        assert field.findtext("fullName", namespaces=XML) == name
        assert field.findtext("inlineHelpText", namespaces=XML)
        elements = [child.tag.partition("}")[2] for child in field][1:]
        assert elements == sorted(elements), "the Metadata API's own order, so that a retrieve shows no differences"


def test_the_picklists_hold_the_samples_reasons_and_stages() -> None:
    yaml = YAML(typ="safe")
    reasons = [reason["label"] for reason in yaml.load(sample("mappings/funnel.yaml"))["recycle"]["reasons"].values()]
    stages = [
        value if isinstance(value, str) else value["write"]
        for value in yaml.load(sample("mappings/salesforce.yaml"))["stages"].values()
    ]
    fields = kit_fields()
    assert (
        picklist(fields["Lead", "LeadSync_Recycle_Reason__c"])
        == picklist(fields["Contact", "LeadSync_Recycle_Reason__c"])
        == reasons
    )
    assert picklist(fields["Contact", "Contact_Status__c"]) == stages


def permissions(name: str) -> Mapping[str, bool]:
    """The fields that a permission set shows, and whether they may be edited."""
    root = metadata(KIT / "leadsync" / "main" / "default" / "permissionsets" / f"{name}.permissionset-meta.xml")
    return {
        str(one.findtext("field", namespaces=XML)): one.findtext("editable", namespaces=XML) == "true"
        for one in root.iterfind("fieldPermissions", XML)
    }


def test_leadsyncs_own_user_may_write_all_of_it_and_delete_nothing() -> None:
    fields = {f"{name}.{field}" for name, field in kit_fields()}
    rights = permissions("LeadSync_Integration")
    assert set(rights) == fields
    assert {field for field, editable in rights.items() if not editable} == {
        field for field in fields if "Stage_Age" in field
    }
    root = metadata(
        KIT / "leadsync" / "main" / "default" / "permissionsets" / "LeadSync_Integration.permissionset-meta.xml"
    )
    objects = list(root.iterfind("objectPermissions", XML))
    assert {one.findtext("object", namespaces=XML) for one in objects} == {
        "Lead",
        "Contact",
        "Account",
        "Opportunity",
        "Campaign",
    }
    for right in ("allowCreate", "allowDelete", "modifyAllRecords"):
        assert {one.findtext(right, namespaces=XML) for one in objects} == {"false"}


@pytest.mark.parametrize("name", ["LeadSync_People", "LeadSync_Ops"])
def test_people_never_write_the_operation_token_nor_what_leadsync_computes(name: str) -> None:
    editable = {field.partition(".")[2] for field, may in permissions(name).items() if may}
    assert editable == {
        "Contact_Status__c",
        "LeadSync_Disposition__c",
        "LeadSync_Recycle_Reason__c",
        "LeadSync_Misrouted__c",
    }
