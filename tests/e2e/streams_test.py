# SPDX-License-Identifier: Apache-2.0
"""Many streams at once are what each of them is alone."""

from chasqui_testing.requests import CAPITAL
from chasqui_testing.requests import CAPITAL_ANSWER
from chasqui_testing.requests import Call
from chasqui_testing.requests import ask
from chasqui_testing.requests import chat
from chasqui_testing.requests import prompt

STREAMS = 200


def requests():
    """Twenty different ones, ten times."""
    different = [chat(CAPITAL), chat("What is a router?")]
    different += [prompt(f"Once upon a time, a {who}", max_tokens=length)
                  for who in ("llama", "messenger", "girl named Ana", "boy", "farmer", "puma")
                  for length in (8, 24, 40)]
    return [different[i % len(different)] for i in range(STREAMS)]


def test_two_hundred_streams_equal_the_same_ones_alone(suite):
    wanted = requests()
    alone = {}
    for request in wanted:
        key = request.SerializeToString(deterministic=True)
        if key not in alone:
            alone[key] = ask(suite.router, request)
    assert next(iter(alone.values())).text == CAPITAL_ANSWER

    calls = [Call(suite.router, request) for request in wanted]
    answers = [call.join_answer() for call in calls]

    different = [(answer.text, alone[request.SerializeToString(deterministic=True)].text)
                 for request, answer in zip(wanted, answers)
                 if answer.text != alone[request.SerializeToString(deterministic=True)].text]
    assert not different, f"{len(different)} differ, such as {different[0]}"
    assert {answer.worker for answer in answers} == {"worker-0", "worker-1"}
    suite.wait_until_idle()
