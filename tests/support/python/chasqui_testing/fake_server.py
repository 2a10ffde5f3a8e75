# SPDX-License-Identifier: Apache-2.0
"""A server that answers as a test tells it, for tests of clients.

Useful for errors and streams that a healthy suite does not give. Answers are a function
`answer(method, request, context)` that returns a message, a list of messages for a stream, or raises Refusal.
"""

import concurrent.futures
import contextlib

import grpc
from chasqui.fleet.v1 import fleet_service_pb2_grpc
from chasqui.inference.v1 import generate_pb2 as g
from chasqui.inference.v1 import inference_service_pb2_grpc
from google.protobuf import any_pb2
from google.rpc import status_pb2


class Refusal(Exception):
    """A status with google.rpc details."""

    def __init__(self, code, message, *details):
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    def abort(self, context):
        """Ends the call as a service of the suite would."""
        if self.details:
            status = status_pb2.Status(code=self.code.value[0], message=self.message)
            for detail in self.details:
                packed = any_pb2.Any()
                packed.Pack(detail)
                status.details.append(packed)
            context.set_trailing_metadata(
                (("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(self.code, self.message)


def stream(*texts, finish=g.FINISH_REASON_STOP):
    """The events of a whole answer."""
    events = [g.StreamGenerateResponse(started=g.Started(request_id="r", model="fake", seed=1))]
    events += [g.StreamGenerateResponse(chunk=g.Chunk(text=text)) for text in texts]
    end = g.Finished(candidates=[g.CandidateEnd(finish_reason=finish)])
    events.append(g.StreamGenerateResponse(finished=end))
    for number, event in enumerate(events):
        event.sequence = number
    return events


class _Servicer:
    """Any method of any service: looked up by the generated registration."""

    def __init__(self, streaming, answer):
        self._streaming = streaming
        self._answer = answer

    def __getattr__(self, name):
        def unary(request, context):
            try:
                return self._answer(name, request, context)
            except Refusal as refusal:
                return refusal.abort(context)

        def streaming(request, context):
            try:
                yield from self._answer(name, request, context)
            except Refusal as refusal:
                refusal.abort(context)

        return streaming if name in self._streaming else unary


_STREAMING = ("StreamGenerate", "ResumeStream", "WatchFleet")


@contextlib.contextmanager
def serving(answer):
    """Serves InferenceService and FleetService; gives "host:port"."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
    servicer = _Servicer(_STREAMING, answer)
    inference_service_pb2_grpc.add_InferenceServiceServicer_to_server(servicer, server)
    fleet_service_pb2_grpc.add_FleetServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0)
