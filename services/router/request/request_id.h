// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace chasqui::router {

// The id of a request: the one in its message, else the one in its metadata when it can be one,
// else a new one of 32 hexadecimal characters, drawn at random. Thread-safe.
std::string ChooseRequestId(std::string_view in_message,
                            std::optional<std::string_view> in_metadata);

// 16 hexadecimal characters, drawn at random: "router-" and this name a router without a name.
std::string RandomHex();

}  // namespace chasqui::router
