"""Padmé: lengths are rounded up so that they tell little, at a cost below 7 % above 1 KiB.

Source: SPEC "Padding"; Nikitin et al., "Reducing Metadata Leakage from Encrypted Files", 2019.
"""

LEAST_BYTES = 1024


def padded_bytes(length: int) -> int:
    """Return the length to pad ``length`` bytes to: at least 1 KiB."""
    if length <= LEAST_BYTES:
        return LEAST_BYTES
    exponent = length.bit_length() - 1
    free_bits = exponent - exponent.bit_length()
    mask = (1 << free_bits) - 1
    return (length + mask) & ~mask
