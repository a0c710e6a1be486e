#!/usr/bin/env python3
"""WordNet 3.0's noun hierarchy as one taxonomy file.

    wordnet_yaml.py [/usr/share/wordnet/data.noun] > wordnet.yaml

Ids are as in NLTK (`dog.n.01`: first lemma and its sense number, from index.sense or, where that is not
installed, from index.noun), names are the lemmas, `ids` holds the wnid, the description is the gloss.
Hypernyms and instance hypernyms are the parents.
"""

import json
import pathlib
import sys

data = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/wordnet/data.noun")
synsets = {}
for line in data.read_text("utf-8").splitlines():
    if line.startswith("  "):
        continue
    fields, _, gloss = line.partition("|")
    fields = fields.split()
    offset, count = fields[0], int(fields[3], 16)
    lemmas = [fields[4 + 2 * i] for i in range(count)]
    at = 4 + 2 * count
    pointers = [fields[at + 1 + 4 * i : at + 5 + 4 * i] for i in range(int(fields[at]))]
    parents = [p[1] for p in pointers if p[0] in ("@", "@i") and p[2] == "n"]
    synsets[offset] = (lemmas, parents, gloss.strip())

# index.noun lists a lemma's synsets in the order of its senses.
senses = {}
for line in data.with_name("index.noun").read_text("utf-8").splitlines():
    if line.startswith("  "):
        continue
    fields = line.split()
    offsets = fields[-int(fields[2]) :]
    for number, offset in enumerate(offsets, 1):
        senses[fields[0], offset] = number


def ident(offset):
    lemma = synsets[offset][0][0].lower()
    return f"{lemma}.n.{senses[lemma, offset]:02d}"


def quote(text):
    return json.dumps(text, ensure_ascii=False)


out = ["taxonomy: wordnet", "nodes:"]
for offset, (lemmas, parents, gloss) in synsets.items():
    out.append(f"  {quote(ident(offset))}:")
    if parents:
        out.append(f"    parents: [{', '.join(quote(ident(p)) for p in parents)}]")
    names = dict.fromkeys(lemma.replace("_", " ") for lemma in lemmas)
    out.append(f"    names: [{', '.join(quote(n) for n in names)}]")
    out.append(f"    ids: [n{offset}]")
    out.append(f"    description: {quote(gloss)}")
print("\n".join(out))
