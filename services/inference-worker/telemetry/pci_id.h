// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace chasqui::worker {

// A place on the PCI bus as sysfs spells it, "0000:c1:00.0": lower case, a domain of four digits.
// Takes domains of four and of eight digits (NVML's), in either case; "" for what is no such place.
// Pure.
std::string NormalizePciId(std::string_view id);

}  // namespace chasqui::worker
