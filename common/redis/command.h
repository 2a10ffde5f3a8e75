// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "common/redis/reply.h"
#include "common/time/clock.h"

namespace chasqui::redis {

using Callback = absl::AnyInvocable<void(ReplyOr)>;

// What is asked of a server, and who is told the answer.
struct Command {
  std::vector<std::string> words;  // any bytes
  Callback done;                   // may be empty
  time::SteadyTime asked;          // when, for the time its answer may take
};

}  // namespace chasqui::redis
