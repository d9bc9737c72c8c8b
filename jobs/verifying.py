"""What jobs that speak share to verify what they spoke: their options, and the config that comes of them."""

from typing import Annotated

import typer

from actors.models import check_transcriber
from actors.synthesizer import SynthesisConfig
from actors.verifying import VerifyingConfig
from cluster.registry import Pinned, describe

Verify = Annotated[
    str | None,
    typer.Option(
        "--verify",
        show_default=False,
        help="Model that transcribes what is spoken, such as embedded-asr; rows with too many word errors are spoken again.",
    ),
]
NumberOfTakes = Annotated[int, typer.Option("--takes", min=1, help="How often a row is spoken at most, with --verify.")]
MaxWordErrors = Annotated[
    float,
    typer.Option("--max-word-errors", min=0, help="Wrong words for each of a row's, above which it is spoken again."),
]


def verified(
    config: SynthesisConfig, model: str | None, registry: str | None, takes: int, max_word_errors: float
) -> tuple[SynthesisConfig | VerifyingConfig, tuple[Pinned, ...]]:
    """Return the config of workers that verify what they speak, and what they open beside the voice.

    Args:
        config: how they speak; it is returned as it is without a model.
        model: reference of the one that hears.
        registry: root of the registry, for references without one.
        takes: how often a row is spoken at most.
        max_word_errors: wrong words for each of a row's, above which it is spoken again.

    Raises:
        BundleNotFoundError: the reference names nothing.
        UsageError: the model does not transcribe.
    """
    if model is None:
        return config, ()
    ear, manifest = describe(model, registry)
    check_transcriber(manifest, {})
    return VerifyingConfig(config, ear.reference, takes, max_word_errors), (ear,)
