"""What the demonstration shots are called, and what they show."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scene:
    """One clip: the prompt it is rendered from, its shape, and a title that a person could have given."""

    prompt: str
    ratio: str
    title: str


SCENES = (
    Scene(
        "Keeper in a yellow raincoat on the causeway, lighthouse ahead, fog at first light",
        "16:9",
        "Causeway, first light",
    ),
    Scene("A lone figure with an umbrella in neon rain, wet street reflections", "9:16", "Neon rain"),
    Scene("Storm swell at golden hour, a metre above the ocean", "16:9", "Swell"),
    Scene("Late sun through tall windows of an empty room, dust in the light", "16:9", "The empty room"),
    Scene("Two walkers under a huge amber moon", "9:16", "Amber moon"),
    Scene("Dune crest at golden hour, sand lifting off the ridge", "16:9", "Dune crest"),
    Scene("Aurora over a frozen lake, slow pan", "16:9", "Aurora, slow pan"),
    Scene("Moon jelly rising through shafts of light", "9:16", "Moon jelly"),
    Scene("Clouds over a mountain range from above", "16:9", "Above the range"),
    Scene("Perfume bottle on stone, slow orbit, soft studio light", "1:1", "Bottle, slow orbit"),
)
MOVES = (
    "", ", slow dolly in", ", handheld, 35 mm", ", locked camera", ", slow pan to the left", ", crane up", ", anamorphic",
    ", one long take", ", pull focus to the far side", ", gulls and a far foghorn",
)  # fmt: skip
PEOPLE = (("noor@example.org", "Noor Haddad"), ("teo@example.org", "Teo Elander"), ("mika@example.org", "Mika Sato"))
SAVED = (
    ("Golden hour, 35 mm", "golden hour, 35 mm, shallow depth of field, soft haze, natural grain"),
    ("Harbour look", "A working harbour before sunrise, sodium lamps, wet planks, slow fog, muted teal and amber"),
    ("Slow orbit", "slow orbit around the subject, locked exposure, plain background, soft studio light"),
)
FAILURES = (  # (Reason, the provider's own words, where it ended, charged)
    ("moderation", "The request was declined by the content policy.", "submitting", "no"),
    ("provider_failed", "Generation failed: internal error during denoising.", "running", "no"),
    ("invalid", "aspect_ratio is not supported for this model.", "submitting", "no"),
    ("result_expired", "The result was gone when it was to be fetched.", "archiving", "yes"),
)
