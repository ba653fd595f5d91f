"""The base of every record of the flow."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from slipway.flow.errors import SlipwayError as SlipwayError
from slipway.flow.errors import TransientError as TransientError


@dataclass(frozen=True)
class Matching:
    """Marks a string that matches ``pattern`` as a whole; ``rule`` says so to people, and the cure.

    The published JSON Schema carries both: editors show ``patternErrorMessage`` beside the line.
    """

    pattern: str
    rule: str
    max_length: int | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check after the type's own checks."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Say the same in JSON Schema."""
        limit = {} if self.max_length is None else {"maxLength": self.max_length}
        return handler(schema) | {"pattern": self.pattern, "patternErrorMessage": self.rule} | limit

    def _check(self, value: str) -> str:
        too_long = self.max_length is not None and len(value) > self.max_length
        if too_long or not re.fullmatch(self.pattern, value):
            raise PydanticCustomError("rule", "{rule}", {"rule": self.rule})
        return value


SHA256 = re.compile(r"^sha256:[0-9a-f]{64}$")

Digest = Annotated[
    str, Matching(SHA256.pattern, "must be a digest: `sha256:` and 64 hexadecimal digits in lower case")
]
"""``sha256:`` and 64 hexadecimal digits, as the OCI image specification writes a digest."""

CommitId = Annotated[
    str,
    Matching(
        r"^[0-9a-f]{40}([0-9a-f]{24})?$",
        "must be a full commit id: 40 (or 64) hexadecimal digits in lower case; `git rev-parse` prints it",
    ),
]
"""A full Git object id: 40 hexadecimal digits (SHA-1) or 64 (SHA-256)."""

RepositoryName = Annotated[
    str,
    Matching(
        r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}/(?!\.{1,2}$)[A-Za-z0-9_.-]{1,100}$",
        "must be a repository as owner/name, of letters, digits, `.`, `_` and `-`",
    ),
]
"""``owner/name``, as the code registry spells it."""

Name = Annotated[
    str,
    Matching(
        r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$",
        "must be a name of at most 40 lower-case letters, digits and `-`, "
        "starting with a letter and not ending in `-`, like my-app",
    ),
]
"""A DNS label of at most 40 characters, so that names derived from it stay under Kubernetes' 63."""


def _not_a_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("rule", "{rule}", {"rule": "must be 1"})
    return value


Version = Annotated[Literal[1], BeforeValidator(_not_a_bool)]
"""Version of a document's format; a truth value is not taken for 1."""


class Record(BaseModel):
    """A frozen, typed value that refuses unknown fields and travels as plain JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON types only (for XCom, asset events and the REST API)."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Build the record from what :meth:`to_json` returned.

        :raises pydantic.ValidationError: when ``value`` is not a valid record.
        """
        return cls.model_validate(value)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe the fields by their docstrings.

        Pydantic's ``use_attribute_docstrings`` reads the sources when a class is made, which is in every
        process; a schema is made in few.
        """
        made = handler(schema)
        properties = handler.resolve_ref_schema(made).get("properties", {})
        for name, text in _docstrings(cls).items():
            if (field := properties.get(cls.model_fields[name].alias or name)) is not None:
                field.setdefault("description", text)
        return made


@cache
def _docstrings(record: type[Record]) -> dict[str, str]:
    """Return what stands below each field, also of the records that it is made from."""
    found: dict[str, str] = {}
    for one in reversed(record.__mro__):
        if not issubclass(one, Record):
            continue
        definition = ast.parse(textwrap.dedent(inspect.getsource(one))).body[0]
        assert isinstance(definition, ast.ClassDef)
        for field, below in pairwise(definition.body):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ) if name in record.model_fields:
                    found[name] = inspect.cleandoc(text)
    return found
