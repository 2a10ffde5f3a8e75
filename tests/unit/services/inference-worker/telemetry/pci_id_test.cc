// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/telemetry/pci_id.h"

#include <gtest/gtest.h>

namespace chasqui::worker {
namespace {

TEST(NormalizePciId, SpellsAPlaceAsSysfsDoes) {
  EXPECT_EQ(NormalizePciId("0000:c1:00.0"), "0000:c1:00.0");
  EXPECT_EQ(NormalizePciId("00000000:C1:00.0"), "0000:c1:00.0");
  EXPECT_EQ(NormalizePciId("00010000:0A:1f.7"), "00010000:0a:1f.7");
}

TEST(NormalizePciId, TakesNothingElse) {
  for (const char* id :
       {"", "c1:00.0", "0000:c1:00", "0000:c1:00.0/..", "../../../etc", "gpu-0", "000x:c1:00.0",
        "0000zzzz:c1:00.0", "0000000g:c1:00.0", "00000000:", "0001zzzz:c1:00.0"}) {
    EXPECT_EQ(NormalizePciId(id), "") << id;
  }
}

}  // namespace
}  // namespace chasqui::worker
