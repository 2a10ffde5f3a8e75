// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

// Upper bounds of histogram buckets, named once, so that the same quantity can be compared across
// services and across suites. Where the field's servers (vLLM and the OpenTelemetry conventions for
// generative AI) agree on bounds, those are all here, with finer ones below for small models.
namespace chasqui::observability {

// Arrival of a request to its first token.
inline constexpr std::array kTimeToFirstTokenSeconds = {
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,  0.25,  0.5,   0.75,
    1.0,   2.5,   5.0,  7.5,  10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0};

// One token to the next of the same stream.
inline constexpr std::array kInterTokenSeconds = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1,  0.15, 0.2,  0.3,
    0.4,   0.5,    0.75,  1.0,  2.5,   5.0,  7.5,   10.0, 20.0, 40.0, 80.0};

// A whole request, and its times in the queue, in prefill and in decode.
inline constexpr std::array kRequestSeconds = {
    0.01, 0.025, 0.05, 0.1,  0.2,  0.3,  0.5,  0.8,   1.0,   1.5,   2.0,   2.5,    5.0,
    10.0, 15.0,  20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0};

// An RPC as its server sees it, from a lookup to a stream of minutes.
inline constexpr std::array kServerHandlingSeconds = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,  0.1,   0.25,  0.5,
    1.0,    2.5,   5.0,    10.0,  30.0, 60.0,  120.0, 300.0, 600.0, 1800.0};

// An RPC to another service: the bounds of gRPC's own latency metrics up to ten seconds.
inline constexpr std::array kRpcSeconds = {0.00001, 0.00005, 0.0001, 0.0003, 0.0006, 0.0008, 0.001,
                                           0.002,   0.005,   0.01,   0.02,   0.05,   0.1,    0.25,
                                           0.5,     1.0,     2.5,    5.0,    10.0};

// Tokens of a prompt, of an answer, of a step.
inline constexpr std::array kTokens = {1.0,     2.0,     5.0,     10.0,    20.0,   50.0,
                                       100.0,   200.0,   500.0,   1000.0,  2000.0, 5000.0,
                                       10000.0, 20000.0, 50000.0, 100000.0};

// How many at once: sequences of a step, events of a write.
inline constexpr std::array kCounts = {1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0};

}  // namespace chasqui::observability
