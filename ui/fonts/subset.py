#!/usr/bin/env python3
"""Makes noto-sans-cjk-subset.otf, the face of Japanese and Korean texts.

Debian: apt-get install fonts-noto-cjk python3-fonttools, then

    python3 subset.py /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc

In it: the characters of JIS X 0208 beyond Latin, all Hangul syllables and
compatibility jamo, half-width katakana, and the two spaces (without U+0020
each space between two such words is drawn as a box). No Latin: that stays with
Fyne's own Noto Sans. The licence is OFL.txt beside this file.
"""
import os
import sys

from fontTools import subset
from fontTools.ttLib import TTCollection

FACE = "Noto Sans CJK JP"
OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "noto-sans-cjk-subset.otf")


def jis_x_0208():
    """All characters that EUC-JP writes with two bytes."""
    for row in range(0xA1, 0xFF):
        for cell in range(0xA1, 0xFF):
            try:
                text = bytes((row, cell)).decode("euc_jp")
            except UnicodeDecodeError:
                continue
            yield ord(text)


def main(collection):
    wanted = {c for c in jis_x_0208() if c >= 0x2000}
    wanted |= set(range(0xAC00, 0xD7A4))  # Hangul syllables
    wanted |= set(range(0x3130, 0x3190))  # Hangul compatibility jamo
    wanted |= set(range(0xFF01, 0xFFA0))  # full-width Latin, half-width katakana
    wanted |= {0x20, 0xA0}

    font = next(f for f in TTCollection(collection).fonts if f["name"].getDebugName(4) == FACE)
    options = subset.Options()
    options.layout_features = ["ccmp", "locl"]
    options.hinting = False
    options.name_IDs = [0, 1, 2, 4, 6, 13, 14]  # copyright and licence stay in the file
    options.notdef_outline = True
    worker = subset.Subsetter(options)
    worker.populate(unicodes=wanted)
    worker.subset(font)
    font.save(OUT)
    print(f"{OUT}: {len(wanted)} characters asked for, {os.path.getsize(OUT)} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
