// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

#include "chasqui/cache/v1/stored_answer.pb.h"
#include "common/time/clock.h"
#include "services/cache/answer/answer_key.h"

namespace chasqui::cache {

using v1::StoredAnswer;

// A whole answer, shared by the tiers that hold it and the calls that send it.
using AnswerPtr = std::shared_ptr<const StoredAnswer>;

// The key of an answer that was made or unpacked by this service.
AnswerKey KeyOf(const StoredAnswer& answer);

// What it takes in memory, roughly: its bytes and what strings and lists cost beside them.
std::size_t MemoryBytes(const StoredAnswer& answer);

// Instants as they are stored, in microseconds of Unix time.
std::int64_t ToMicros(time::SystemTime time);
time::SystemTime FromMicros(std::int64_t micros);

}  // namespace chasqui::cache
