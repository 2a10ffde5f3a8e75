// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "chasqui/inference/v1/generate.pb.h"

namespace chasqui::inference {

// Why the answer to a request is not one to be remembered, and given to others who ask the same;
// for people. Empty: it is. Those are that would always be the same: at temperature 0, or with a
// seed where that counts (`seeded_is_deterministic`, or the request's own policy); and that another
// worker could go on with at any token, as whoever shares the answer may have to. Pure.
std::string WhyNotRemembered(const v1::GenerateRequest& request, bool seeded_is_deterministic);

}  // namespace chasqui::inference
