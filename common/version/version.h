// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// What this build is.
namespace chasqui::version {

// "0.1.0", the version of the top CMakeLists.txt.
std::string_view Version();

// The commit it was built from, twelve digits, with "-dirty" when files had changed since;
// "unknown" outside of a git checkout.
std::string_view Revision();

}  // namespace chasqui::version
