// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/status.h"

namespace chasqui::cli {

// Exit codes of the command; those from 64 on are sysexits.h's. README.md tells users the same.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;         // anything below names no better one
inline constexpr int kUsage = 64;         // the command line or the request is wrong
inline constexpr int kUnavailable = 69;   // nobody answers, or there is no worker
inline constexpr int kInternal = 70;      // a bug of the suite
inline constexpr int kTemporary = 75;     // full or too slow right now: try again later
inline constexpr int kNotPermitted = 77;  // the key is missing, unknown or does not allow it
inline constexpr int kInterrupted = 130;  // Ctrl-C

// What the command exits with after `status`.
int ExitCode(const absl::Status& status);

}  // namespace chasqui::cli
