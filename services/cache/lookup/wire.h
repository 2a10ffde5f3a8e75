// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include <google/protobuf/timestamp.pb.h>

#include "absl/status/status.h"
#include "chasqui/cache/v1/cache_service.pb.h"
#include "common/time/clock.h"
#include "google/rpc/status.pb.h"
#include "services/cache/answer/answer.h"
#include "services/cache/flight/flight.h"
#include "services/cache/lookup/question.h"

// Between the service's messages and its own values. All functions are pure.
namespace chasqui::cache {

std::vector<std::string> TakeEvents(v1::Fill& fill);
v1::LookupResponse EventsResponse(std::span<const EventPtr> events);
void SetTime(time::SystemTime time, google::protobuf::Timestamp& out);

// The answer of a complete flight.
AnswerPtr MakeAnswer(const Question& question, const Flight& flight, v1::Done done,
                     time::Duration ttl, time::SystemTime now);

}  // namespace chasqui::cache
