"""Prompts for people who do not know yet what to shoot. Each says who, where, what moves and what the camera does."""

PROMPTS = (
    "A keeper in a yellow raincoat stands at the end of a stone causeway at first light, facing a red-and-white "
    "lighthouse. Sea fog burns off as the sun rises behind her. 35 mm, slow dolly in, gulls and a far foghorn.",
    "A moon jelly pulses upward through dark water, light falling in shafts from above. Macro, the camera rises with "
    "it, soft particles drift past. A low hum, as under a pier.",
    "Neon rain on a narrow street at night. A lone figure with an umbrella walks away, reflections breaking under each "
    "step. Tracking shot from behind, shallow focus, tyres hissing on wet asphalt.",
    "The terminator line crosses a blue planet seen from orbit. City lights come on one after another in the dark half. "
    "Very slow drift to the right, no sound but a faint radio crackle.",
    "A paper boat leaves a child's hand and runs down a gutter after a storm, past bicycle wheels and leaves. Camera at "
    "water level, following, late sun between houses.",
    "Late sun in an empty studio. Dust floats through the light of tall windows, a linen curtain lifts once and falls. "
    "Locked-off wide shot, floorboards ticking as they cool.",
    "A fox steps onto a frozen lake at dawn, tests the ice with one paw, then trots across leaving dark prints. Long "
    "lens from the reeds, breath visible, ice singing.",
    "Dune crest at golden hour. Wind draws a veil of sand along the ridge while a small caravan passes below. Aerial, "
    "gliding forward and slowly down.",
)
