"""Reads a laboratory set with pymongo: an independent client of the protocol."""
import json
import os
import sys

import pymongo

address, ca, user, name = sys.argv[1:5]
password = os.environ["LAB_PASSWORD"]
common = dict(tls=True, tlsCAFile=ca, username=user, password=password, authSource="admin",
              authMechanism="SCRAM-SHA-256", serverSelectionTimeoutMS=5000)

found = pymongo.MongoClient(address, replicaSet=name, **common)
status = found.admin.command("replSetGetStatus")
# The client knows the members once it has heard from all of them.
for _ in range(100):
    if len(found.nodes) == 3:
        break
    found.admin.command("ping")
direct = pymongo.MongoClient(address, directConnection=True, **common)
last = list(direct.local["oplog.rs"].find().sort("$natural", -1).limit(1))
first = list(direct.local["oplog.rs"].find().sort("$natural", 1).limit(1))
many = list(direct.local["oplog.rs"].find(batch_size=20).limit(90))
try:
    direct.admin.command("replSetStepDown", 60)
    refused = "nothing"
except pymongo.errors.OperationFailure as e:
    refused = e.code
print(json.dumps({
    "client": "pymongo " + pymongo.version,
    "nodes": sorted("%s:%d" % n for n in found.nodes),
    "primary": "%s:%d" % found.primary,
    "states": [m["stateStr"] for m in status["members"]],
    "window": last[0]["ts"].time - first[0]["ts"].time,
    "many": len(many),
    "stepDown": refused,
}))
