"""Counts the words of a text and keeps the most frequent ones as JSON."""

import argparse
import json
import re
from collections import Counter
from pathlib import Path

options = argparse.ArgumentParser()
options.add_argument("--text", type=Path, required=True)
options.add_argument("--most", type=int, required=True)
options.add_argument("--without", default="")
options.add_argument("--counts", type=Path, required=True)
given = options.parse_args()

words = re.findall(r"[a-z]+", given.text.read_text(encoding="utf-8").lower())
counts = Counter(word for word in words if word != given.without)
kept = dict(counts.most_common(given.most))
(given.counts / "counts.json").write_text(json.dumps(kept))
for word, count in kept.items():
    print(f"{count:3} {word}")
