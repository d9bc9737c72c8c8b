"""What every family reads in one way: a bundle's settings and a request's options, strictly."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from actors.bundle import Manifest
from actors.errors import BundleError, RequestError


class FamilySettings(BaseModel):
    """``bundle.json``'s settings, the constants of a family's loop; the exporter says where each comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """Parse a manifest's settings.

        Raises:
            BundleError: they are not those of this family.
        """
        try:
            return cls.model_validate(manifest.settings)
        except ValidationError as error:
            raise BundleError(
                f"{manifest.name}: the settings of this {manifest.family} bundle are not understood: {error}"
            ) from error


class FamilyOptions(BaseModel):
    """What a request may set. Defaults are the bundle's, which are the original's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def parse(cls, family: str, defaults: Mapping[str, Any], values: Mapping[str, Any]) -> Self:
        """Parse a request's options over the bundle's defaults.

        Raises:
            RequestError: an unknown name or a value out of range.
        """
        try:
            return cls.model_validate({**defaults, **values})
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise RequestError(f"{family} options: {problems}. Known: {', '.join(cls.model_fields)}") from error
