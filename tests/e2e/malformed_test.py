# SPDX-License-Identifier: Apache-2.0
"""A thousand malformed requests: each is answered with a sensible code, the suite stays healthy."""

import concurrent.futures
import random

import grpc
from chasqui.inference.v1 import generate_pb2
from chasqui.inference.v1 import inference_service_pb2 as service
from chasqui.inference.v1 import text_pb2

from chasqui_testing.requests import CAPITAL
from chasqui_testing.requests import CAPITAL_ANSWER
from chasqui_testing.requests import ask
from chasqui_testing.requests import chat

SEED = 20_240_229
REQUESTS = 1000
INFERENCE = "/chasqui.inference.v1.InferenceService/"
UNARY = ("Generate", "Embed", "Rerank", "Tokenize", "Detokenize", "ApplyTemplate", "ListModels",
         "GetModel")
# Of the caller's making; OK because a random change may make no harm.
SENSIBLE = {
    grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.FAILED_PRECONDITION,
}


def varint(number):
    """A number as protobuf writes it."""
    out = bytearray()
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def field(number, kind, value):
    """One field on the wire, of whatever type."""
    return varint(number << 3 | kind) + value


def valid(rng):
    """A request that is right, short to compute."""
    return rng.choice([chat("hello", max_tokens=1),
                       generate_pb2.GenerateRequest(prompt="A", stop={"max_tokens": 1}),
                       text_pb2.TokenizeRequest(text="hello")]).SerializeToString()


def garbage(rng):
    return rng.choice(UNARY), rng.randbytes(rng.randint(1, 200))


def truncated(rng):
    data = valid(rng)
    return "Generate", data[:rng.randint(1, len(data) - 1)]


def flipped(rng):
    data = bytearray(valid(rng))
    for _ in range(rng.randint(1, 4)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return "Generate", bytes(data)


def wrong_types(rng):
    """Known field numbers with wire types that are not theirs."""
    kinds = [(0, varint(rng.getrandbits(63))), (1, rng.randbytes(8)), (5, rng.randbytes(4)),
             (2, varint(5) + rng.randbytes(5))]
    fields = b"".join(field(rng.randint(1, 20), *rng.choice(kinds)) for _ in range(3))
    return rng.choice(UNARY), fields


def invalid_utf8(rng):
    text = b"\xff\xfe" + rng.randbytes(10)
    number = rng.choice([1, 2, 4])
    return "Generate", field(number, 2, varint(len(text)) + text)


def lying_length(rng):
    return "Generate", field(4, 2, varint(rng.choice([1 << 20, 1 << 31, 1 << 40])) + b"short")


def nested(rng):
    data = b""
    for _ in range(rng.randint(100, 300)):
        data = field(5, 2, varint(len(data)) + data)
    return "Generate", data


def out_of_range(rng):
    """Numbers no field allows."""
    request = chat("hello", max_tokens=1)
    sampling = request.sampling
    change = rng.randrange(9)
    if change == 0:
        sampling.temperature = rng.choice([-1, 1e30, float("nan"), float("inf")])
    elif change == 1:
        sampling.top_k = rng.choice([1001, 2**32 - 1])
    elif change == 2:
        sampling.top_p = rng.choice([0, -0.5, 1.5, float("nan")])
    elif change == 3:
        request.n = rng.choice([17, 2**32 - 1])
    elif change == 4:
        request.stop.strings.extend(["x"] * rng.choice([17, 1000]))
    elif change == 5:
        request.tokens.ids.extend([rng.randrange(2**31, 2**32)] * 3)
    elif change == 6:
        sampling.logit_bias[rng.randrange(2**32)] = 1e9
    elif change == 7:
        request.chat.messages[0].role = rng.choice([0, 99])
    else:
        request.stop.max_tokens = 2**32 - 1
        request.stop.min_tokens = 2**32 - 1
    return "Generate", request.SerializeToString()


def broken_format(rng):
    request = chat("hello", max_tokens=1)
    output = request.output_format
    change = rng.randrange(4)
    if change == 0:
        output.grammar = rng.choice(["", "root ::=", "x ::= y", "root ::= root", "((((" * 50])
    elif change == 1:
        output.json_schema = rng.choice(["{", "[]", '{"type": "nope"}', '{"$ref": "#/nowhere"}'])
    elif change == 2:
        output.regex = rng.choice(["(", "[a", "a{9999999}", "\\"])
    else:
        output.choice.choices.extend([""] * rng.choice([0, 300]))
    return "Generate", request.SerializeToString()


def unknown_model(rng):
    name = rng.choice(["nope", "../../etc/passwd", "a" * 5000, "\x00", "%s%n"])
    return "Generate", chat("hello", model=name).SerializeToString()


def unknown_method(rng):
    return rng.choice(["Nope", "", "generate", "Generate/", "x" * 500]), b""


def stale_resume(rng):
    request = chat("hello", max_tokens=1)
    request.resume.next_sequence = rng.getrandbits(40)
    request.resume.candidates.add(index=rng.choice([0, 99])).token_ids.extend(
        rng.randrange(2**32) for _ in range(4))
    return "Generate", request.SerializeToString()


MAKERS = (garbage, truncated, flipped, wrong_types, invalid_utf8, lying_length, nested,
          out_of_range, broken_format, unknown_model, unknown_method, stale_resume)


def send(channel, method, data):
    """The status code of a call with these bytes."""
    call = channel.unary_unary(INFERENCE + method, request_serializer=None,
                               response_deserializer=None)
    try:
        call(data, timeout=60)
        return grpc.StatusCode.OK, ""
    except grpc.RpcError as error:
        return error.code(), error.details()


def test_a_thousand_malformed_requests(suite):
    rng = random.Random(SEED)
    made = [(maker, *maker(rng)) for maker in (rng.choice(MAKERS) for _ in range(REQUESTS))]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda one: send(suite.router.channel, one[1], one[2]), made))

    wrong = [(maker.__name__, method, code.name, text, data[:80])
             for (maker, method, data), (code, text) in zip(made, answers)
             if code not in SENSIBLE]
    assert not wrong, f"{len(wrong)} of {REQUESTS}, such as {wrong[:5]}"
    refused = sum(code != grpc.StatusCode.OK for code, _ in answers)
    assert refused > REQUESTS / 2
    suite.wait_until_idle()
    assert len(suite.router.workers()) == 2
    assert "ended" not in suite.process.log.split("started again")[0][-200:]
    assert ask(suite.router, chat(CAPITAL)).text == CAPITAL_ANSWER


def test_workers_refuse_as_the_router_does(suite):
    rng = random.Random(SEED + 1)
    worker = suite.workers["worker-0"]
    for maker in MAKERS * 5:
        method, data = maker(rng)
        code, text = send(worker.channel, method, data)
        assert code in SENSIBLE, (maker.__name__, method, code, text, data[:80])

    assert ask(worker, chat(CAPITAL)).text == CAPITAL_ANSWER


def test_huge_fields_and_messages_are_refused(suite):
    prompt = generate_pb2.GenerateRequest(prompt="x" * (5 << 20)).SerializeToString()
    message = generate_pb2.GenerateRequest(prompt="x" * (17 << 20)).SerializeToString()

    assert send(suite.router.channel, "Generate", prompt)[0] == grpc.StatusCode.INVALID_ARGUMENT
    assert send(suite.router.channel, "Generate", message)[0] == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_wrong_service_is_unimplemented(suite):
    call = suite.router.channel.unary_unary("/no.such.Service/Nope")
    for endpoint in (suite.router, *suite.workers.values()):
        call = endpoint.channel.unary_unary("/no.such.Service/Nope")
        try:
            call(service.ResumeStreamRequest().SerializeToString(), timeout=10)
            raise AssertionError("it was answered")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNIMPLEMENTED
