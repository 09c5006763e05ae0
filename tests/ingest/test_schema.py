"""The shipped schemas are schemas, and our own few words of them mean the same as jsonschema's."""

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from roadmark.executor import config
from roadmark.ingest.schema.rules import NAMES, complaint, properties_of, schema_text
from roadmark.ingest.sections.automation import KNOWN_KEYS

_VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(max_size=5),
        st.sampled_from(["high"]),
    ),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
_RULES = [(name, key) for name in ("context", "front_matter") for key in properties_of(name)]


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text(name)))


@given(_VALUES, st.sampled_from(_RULES))
def test_a_complaint_is_made_exactly_where_jsonschema_makes_one(value: object, rule: tuple[str, str]) -> None:
    schema = properties_of(rule[0])[rule[1]]
    integral = isinstance(value, float) and value.is_integer()
    if schema.get("type") == "integer" and integral:
        return  # JSON Schema takes 3.0 for an integer; here it is a slip
    valid = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert (complaint(value, schema) is None) is valid


def test_the_known_keys_of_the_context_are_those_of_its_schema() -> None:
    assert set(KNOWN_KEYS) == set(properties_of("context"))


def test_the_configuration_schema_names_every_setting() -> None:
    documented = properties_of("configuration")
    for section, keys in config._SECTIONS.items():
        properties = documented[section]["properties"]
        assert isinstance(properties, dict)
        assert set(properties) == set(keys)
