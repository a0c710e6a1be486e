#!/usr/bin/env python3
"""Small data sets as their own libraries write them, and what these read of them.

    data_sets.py OUT_DIR        # tests/fixtures/data

Shards by webdataset, a table of images by pyarrow with Hugging Face's description of its features, annotations as pycocotools read
them; `expected.json` holds names, labels and contents. Needs: pip install webdataset pyarrow pycocotools
"""

import contextlib
import io
import json
import pathlib
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import webdataset as wds
from pycocotools.coco import COCO

out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
expected = {}

# Members of one key in the order of their extensions, keys of more than a hundred bytes among them.
keys = ["0001", "sub.dir/0002", "deep/" * 30 + "0003", "0004", "ä/0005"]
with wds.ShardWriter(str(out / "shard-%02d.tar"), maxcount=3, verbose=0) as writer:
    for i, key in enumerate(keys):
        sample = {"__key__": key, "jpg": f"image {key}".encode()}
        if i % 2 == 0:
            sample["cls"] = i
        else:
            sample["json"] = {"label": f"name {i}", "width": i}
        if i == 1:
            sample["seg.png"] = b"a mask"
        writer.write(sample)
shards = sorted(out.glob("shard-*.tar"))
expected["shards"] = [
    {
        "name": f"{pathlib.Path(sample['__url__']).name}/{sample['__key__']}.jpg",
        "label": sample["cls"].decode() if "cls" in sample else json.loads(sample["json"])["label"],
        "content": sample["jpg"].decode(),
    }
    for sample in wds.WebDataset([str(shard) for shard in shards], shardshuffle=False)
]

names = ["cat", "dog"]
rows = 40
features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}, "image_id": {"dtype": "string"}}
table = pa.table(
    {
        "image": pa.array([{"bytes": f"image {i} ".encode() * i, "path": f"{i}.jpg"} for i in range(rows)]),
        "label": pa.array([i % 3 - 1 for i in range(rows)], pa.int64()),
        "image_id": pa.array([f"id-{i}" for i in range(rows)]),
    }
).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
pq.write_table(table, out / "table.parquet", row_group_size=17, data_page_size=100, write_batch_size=3)
expected["table"] = [
    {
        "name": row["image_id"],
        "label": names[row["label"]] if row["label"] >= 0 else None,
        "content": row["image"]["bytes"].decode(),
    }
    for row in pq.read_table(out / "table.parquet").to_pylist()
]

categories = [{"id": 10 * i, "name": f"category {i}", "supercategory": "thing"} for i in range(5)]
images = [{"id": 1000 - i, "file_name": f"{i:03}.jpg"} for i in range(20)]
annotations = [
    {
        "id": n,
        "image_id": 1000 - n * 7 % 19,
        "category_id": 10 * (n * n % 5),
        "area": float(n * 37 % 101),
        "bbox": [0, 0, 1, 1],
        "iscrowd": int(n % 6 == 0),
    }
    for n in range(60)
]
coco_file = out / "coco.json"
coco_file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO(str(coco_file))
expected["coco"] = []
for image in images:
    areas = {}
    for one in coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]])):
        name = coco.loadCats([one["category_id"]])[0]["name"]
        areas[name] = areas.get(name, 0) + (0 if one["iscrowd"] else one["area"])
    labels = sorted(areas, key=lambda name: -areas[name])
    expected["coco"].append({"name": image["file_name"], "labels": labels})

(out / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")
