# SPDX-License-Identifier: Apache-2.0
"""Requests to a suite with the tiny model, and what comes of them."""

import dataclasses
import threading

import grpc
from chasqui.inference.v1 import chat_pb2
from chasqui.inference.v1 import generate_pb2

CAPITAL = "What is the capital of France?"
CAPITAL_ANSWER = "The capital of France is Paris."


def chat(text, max_tokens=64, **fields):
    """A greedy answer to a user's message."""
    message = chat_pb2.ChatMessage(role=chat_pb2.ROLE_USER, parts=[{"text": text}])
    return generate_pb2.GenerateRequest(
        chat={"messages": [message]}, sampling={"temperature": 0},
        stop={"max_tokens": max_tokens}, **fields)


def prompt(text, max_tokens=64, ignore_eos=False, **fields):
    """A greedy continuation of a text."""
    return generate_pb2.GenerateRequest(
        prompt=text, sampling={"temperature": 0},
        stop={"max_tokens": max_tokens, "ignore_eos": ignore_eos}, **fields)


def long(text="Once upon a time, a llama", max_tokens=900):
    """Runs for long: the end of the text does not end it."""
    return prompt(text, max_tokens=max_tokens, ignore_eos=True)


@dataclasses.dataclass
class Answer:
    """A whole stream. `worker` is who answered."""

    text: str = ""
    worker: str = ""
    tokens: int = 0
    finish_reason: int = 0


def collect(stream):
    """Reads a stream to its end and checks its protocol: started, chunks, finished, numbered."""
    answer = Answer()
    kinds = []
    for number, event in enumerate(stream):
        assert event.sequence == number
        kinds.append(event.WhichOneof("event"))
        if kinds[-1] == "started":
            answer.worker = event.started.worker_id
        elif kinds[-1] == "chunk":
            answer.text += event.chunk.text
            answer.tokens += len(event.chunk.token_ids)
        else:
            answer.finish_reason = event.finished.candidates[0].finish_reason
    assert kinds[0] == "started" and kinds[-1] == "finished", kinds
    assert set(kinds[1:-1]) <= {"chunk"}, kinds
    return answer


def ask(endpoint, request, timeout=60):
    """The whole answer to one request."""
    return collect(endpoint.inference.StreamGenerate(request, timeout=timeout))


class Call(threading.Thread):
    """A stream that runs beside the test. join_answer() gives its answer or raises its error."""

    def __init__(self, endpoint, request, timeout=120):
        super().__init__(daemon=True)
        self.stream = endpoint.inference.StreamGenerate(request, timeout=timeout)
        self.answer = None
        self.error = None
        self.start()

    def run(self):
        try:
            self.answer = collect(self.stream)
        except (grpc.RpcError, AssertionError) as error:
            self.error = error

    def join_answer(self, timeout=120):
        self.join(timeout)
        assert not self.is_alive(), "the stream does not end"
        if self.error is not None:
            raise self.error
        return self.answer
