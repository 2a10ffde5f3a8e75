// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace chasqui::mock_worker {

// How one request is answered. What happens "after N" happens once N chunks have been sent; 0 is
// after Started and before the first chunk. A value.
struct Behaviour {
  uint64_t tokens = 32;
  std::chrono::microseconds time_to_first_token{0};
  std::chrono::microseconds interval{0};  // between two chunks; 0: as fast as they go
  uint64_t message_bytes = 0;             // of text in a chunk; 0: one word
  bool stamp = false;  // the text of a chunk is when it was sent, see SendStamp()

  // Faults. They hold for requests that do not resume a broken stream: those go well elsewhere.
  std::string on;                          // only on the worker of this id; empty: on any
  std::optional<absl::StatusCode> refuse;  // before anything is sent
  bool full = false;                       // refused as WORKER_FULL, whatever runs
  std::optional<uint64_t> fail_after;      // ends with fail_code
  absl::StatusCode fail_code = absl::StatusCode::kUnavailable;
  std::optional<uint64_t> hang_after;   // sends no more until it is cancelled
  std::optional<uint64_t> cut_after;    // ends with OK, without Finished
  std::optional<uint64_t> exit_after;   // the process ends at once, as if killed
  std::optional<uint64_t> stall_after;  // pauses once, for stall
  std::chrono::microseconds stall{0};

  bool operator==(const Behaviour&) const = default;
};

// `defaults` changed by words such as "tokens=100 interval_ms=20 fail_after=5 code=14". README.md
// lists them. INVALID_ARGUMENT names every word that is wrong.
absl::StatusOr<Behaviour> ParseBehaviour(std::string_view words, const Behaviour& defaults);

// The behaviour that `prompt` asks for: the words after "mock:" up to the end of that line, or
// `defaults` when there is no such line.
absl::StatusOr<Behaviour> BehaviourOf(std::string_view prompt, const Behaviour& defaults);

// `behaviour` without its faults.
Behaviour WithoutFaults(const Behaviour& behaviour);

}  // namespace chasqui::mock_worker
