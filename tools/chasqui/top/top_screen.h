// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <ftxui/dom/elements.hpp>

#include "tools/chasqui/top/fleet_view.h"
#include "tools/chasqui/top/top_state.h"

namespace chasqui::cli {

// The whole picture, for a screen of any size: what does not fit is cut, the selected worker stays
// in sight.
ftxui::Element TopElement(const FleetView& view, const TopState& state);

// The same as text, whole, for where there is no terminal.
std::string TopText(const FleetView& view);

}  // namespace chasqui::cli
