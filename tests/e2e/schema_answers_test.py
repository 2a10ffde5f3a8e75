# SPDX-License-Identifier: Apache-2.0
"""Answers in 500 random JSON schemas: each conforms, in the judgement of a validator that is not ours."""

import collections
import concurrent.futures
import json
import random

import grpc
from chasqui.inference.v1 import generate_pb2

from chasqui_testing import schemas

SCHEMAS = 500
SEED = 20_240_601
SETTINGS = {"worker.engine.slots": 16}
MAX_TOKENS = 300
# The most answers that may be too long to end.
MOST_CUT = SCHEMAS // 10

PROMPTS = ("Once upon a time", "A router is", "The llama's name, in JSON: ", "{\"kind\":")


def request(number, schema):
    rng = random.Random(SEED + number)
    return generate_pb2.GenerateRequest(
        prompt=rng.choice(PROMPTS),
        sampling={"temperature": rng.choice([0.7, 1.0, 1.5]), "seed": number},
        stop={"max_tokens": MAX_TOKENS},
        output_format={"json_schema": json.dumps(schema)})


def answer(endpoint, number):
    """(how it ended, what is wrong with it) for the schema of this number."""
    schema = schemas.random_schema(random.Random(number))
    asked = request(number, schema)
    try:
        completion = endpoint.inference.Generate(asked, timeout=120).completions[0]
    except grpc.RpcError as error:
        return "refused", f"seed {number}: {error.details()}\n  {json.dumps(schema)}"
    reason = generate_pb2.FinishReason.Name(completion.finish_reason)
    wrong = None
    if completion.finish_reason == generate_pb2.FINISH_REASON_STOP:
        wrong = schemas.judge(schema, completion.text)
    elif completion.finish_reason == generate_pb2.FINISH_REASON_MAX_TOKENS:
        # The beginning of one that conforms: the grammar takes all of its tokens, and goes on.
        asked.resume.candidates.add(index=0, token_ids=completion.token_ids)
        asked.stop.max_tokens = MAX_TOKENS + 8
        more = endpoint.inference.Generate(asked, timeout=120).completions[0]
        if more.finish_reason == generate_pb2.FINISH_REASON_FORMAT_DEAD_END or not more.token_ids:
            wrong = "is cut, and not the beginning of an answer that conforms"
    else:
        wrong = "must not end so"
    if wrong is None:
        return reason, None
    return reason, f"seed {number}, {reason}: {wrong}\n  {json.dumps(schema)}\n  {completion.text!r}"


def test_the_judge_knows_right_from_wrong():
    schema = {"type": "object", "properties": {"at": {"format": "time"}}, "required": ["at"]}

    assert schemas.judge(schema, '{"at": "10:00:00Z"}') is None
    assert schemas.judge(schema, '{"at": "10:00:61Z"}') is not None
    assert schemas.judge(schema, '{"at": "10:00:00Z"') is not None
    assert schemas.judge({"pattern": "^a$"}, '"a\\n"') is not None


def test_answers_conform_to_500_random_schemas(suite):
    workers = list(suite.workers.values())
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(
            lambda number: answer(workers[number % len(workers)], number), range(SCHEMAS)))

    wrong = [message for _, message in answers if message is not None]
    ended = collections.Counter(reason for reason, _ in answers)
    print(f"{SCHEMAS} schemas: {dict(ended)}")
    assert not wrong, f"{len(wrong)} do not conform:\n" + "\n".join(wrong[:10])
    assert ended["FINISH_REASON_MAX_TOKENS"] <= MOST_CUT, ended
