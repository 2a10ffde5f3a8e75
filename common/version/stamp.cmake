# SPDX-License-Identifier: Apache-2.0
# Writes OUT with the version and the commit of SOURCE_DIR, only when it changes: run at each build,
# it must not make anything compile again.
execute_process(
  COMMAND git describe --always --abbrev=12 --exclude=* --dirty
  WORKING_DIRECTORY "${SOURCE_DIR}"
  OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE
  ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(revision unknown)
endif()
file(CONFIGURE OUTPUT "${OUT}" CONTENT [[
#include "common/version/version.h"

namespace chasqui::version {

std::string_view Version() { return "@VERSION@"; }
std::string_view Revision() { return "@revision@"; }

}  // namespace chasqui::version
]] @ONLY)
