"""Scores a folder with Dask: with_dask.py INFER MODEL FOLDER [SCHEDULER]. A line of JSON each.

Without the address of a scheduler the cluster is this machine.
"""
import os
import sys

from dask.distributed import Client, LocalCluster

import scoring


def main(infer, model, folder, scheduler=None):
    cluster = None if scheduler else LocalCluster(threads_per_worker=1, dashboard_address=None)
    with Client(scheduler or cluster) as client:
        if scheduler:  # its workers don't have this module yet
            client.upload_file(os.path.join(os.path.dirname(os.path.abspath(__file__)), "scoring.py"))
        files = scoring.pictures_of(folder)
        batches = [files[i:i + scoring.BATCH] for i in range(0, len(files), scoring.BATCH)]
        parts = client.map(scoring.score, batches, infer=infer, model=model)
        scoring.print_rows(row for part in client.gather(parts) for row in part)
    if cluster:
        cluster.close()


if __name__ == "__main__":
    main(*sys.argv[1:5])
