"""What every family reads in one way: a bundle's settings and a request's options, strictly."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from actors.bundle import Manifest
from actors.errors import BundleError, RequestError

# Of what a bundle says. The bounds are beyond any model, and within what may be computed with and reserved.
Size = Annotated[int, Field(ge=1, le=1 << 24)]  # channels, entries, samples of a step
Length = Annotated[int, Field(ge=1, le=1 << 20)]  # positions, frames, tokens, characters
Count = Annotated[int, Field(ge=0, le=1 << 20)]  # of what there may be none
TokenId = Annotated[int, Field(ge=0, lt=1 << 24)]
Positive = Annotated[float, Field(gt=0, le=1e6)]
Fraction = Annotated[float, Field(gt=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=3600)]

_UNKNOWN = "there is no such one"  # pydantic speaks of extra inputs
_KEPT_OPTIONS = 64  # sets of options: whose requests set others each time must not fill the memory


def check_ids(vocab_size: int, **ids: int | None) -> None:
    """Raise ``ValueError`` unless all token ids are of the vocabulary: what validators of settings call."""
    outside = {name: token for name, token in ids.items() if token is not None and token >= vocab_size}
    if outside:
        raise ValueError(f"{outside} lie outside the vocabulary of {vocab_size}")


class FamilySettings(BaseModel):
    """``bundle.json``'s settings, the constants of a family's loop; the exporter says where each comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

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
                f"{manifest.name}: the settings of this {manifest.family} bundle are not understood: {_problems(error)}. "
                "Export the model again."
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
            own_first = sorted(cls.model_fields, key=lambda name: name not in cls.__annotations__)
            raise RequestError(f"{family} options: {_problems(error)}. Known: {', '.join(own_first)}") from error


OptionsT = TypeVar("OptionsT", bound=FamilyOptions)


class ParsedOptions(Generic[OptionsT]):
    """The options of requests to one model. All rows of a job have the same, which are parsed once. Safe to call from threads.

    Args:
        manifest: the model's.
        parse: the family's parser.
    """

    def __init__(self, manifest: Manifest, parse: Callable[[Manifest, Mapping[str, Any]], OptionsT]) -> None:
        self._manifest = manifest
        self._parse = parse
        self._parsed: dict[str, OptionsT] = {}

    def __call__(self, values: Mapping[str, Any]) -> OptionsT:
        """Return the options that ``values`` set.

        Raises:
            RequestError: an unknown name or a value out of range.
        """
        content = repr(dict(values))  # values of other types may be equal and parsed otherwise, and not all have a hash
        options = self._parsed.get(content)
        if options is None:
            options = self._parse(self._manifest, values)
            if len(self._parsed) >= _KEPT_OPTIONS:
                self._parsed.clear()
            self._parsed[content] = options
        return options


def _problems(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'together'}: {_UNKNOWN if e['type'] == 'extra_forbidden' else e['msg']}"
        for e in error.errors()
    )
