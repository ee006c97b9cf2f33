#!/usr/bin/env python3
"""tone.py HERTZ: writes 8 s of a sine at -10 dBm0 or so as G.711 A-law, 8 kHz, to stdout (ITU-T G.711, table 1a)."""
import math, sys


def alaw(pcm: int) -> int:
    """One 16-bit sample as A-law, even bits inverted."""
    sign, value = (0x80, pcm) if pcm >= 0 else (0, -pcm - 1)
    value >>= 3  # 13 bits
    exponent = max(value.bit_length() - 5, 0)
    mantissa = (value >> max(exponent, 1)) & 0x0F
    return (sign | exponent << 4 | mantissa) ^ 0x55


hertz = float(sys.argv[1])
sys.stdout.buffer.write(bytes(alaw(round(8000 * math.sin(2 * math.pi * hertz * n / 8000))) for n in range(64000)))
