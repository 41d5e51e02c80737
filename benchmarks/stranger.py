"""Another process that changes labels: it learns which, by lines of JSON on its standard input.

``python -m benchmarks.stranger <uri> <database> <collection> <field>``
"""

import json
import sys

import pymongo
from bson import ObjectId


def main(uri, database, collection, field):
    samples = pymongo.MongoClient(uri)[database][collection]
    for line in sys.stdin:
        told = json.loads(line)
        update = {"$set": {f"{field}.detections.0.{k}": v for k, v in told["set"].items()}}
        if told["tells"]:
            update["$currentDate"] = {"last_modified_at": True}
        ids = [ObjectId(sample_id) for sample_id in told["sample_ids"]]
        print(samples.update_many({"_id": {"$in": ids}}, update).modified_count, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
