"""Scores a folder with Ray Data: with_ray.py INFER MODEL FOLDER. A line of JSON for each picture.

On a cluster: ray job submit --working-dir examples/cluster -- python with_ray.py ...
"""
import functools
import os
import sys

import ray

import scoring


def score_batch(batch, infer, model):
    rows = scoring.score([str(f) for f in batch["file"]], infer, model)
    return {name: [row[name] for row in rows] for name in rows[0]}


def main(infer, model, folder):
    # The workers' own modules are beside this file.
    ray.init(runtime_env={"env_vars": {"PYTHONPATH": os.path.dirname(os.path.abspath(__file__))}},
             include_dashboard=False, log_to_driver=False)
    files = ray.data.from_items([{"file": f} for f in scoring.pictures_of(folder)])
    work = functools.partial(score_batch, infer=infer, model=model)
    scored = files.map_batches(work, batch_size=scoring.BATCH, num_cpus=1)
    scoring.print_rows(scored.take_all())
    ray.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:4])
