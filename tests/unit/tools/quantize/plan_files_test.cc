// SPDX-License-Identifier: Apache-2.0
#include "tools/quantize/plan_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chasqui::quantize {
namespace {

using testing::ElementsAre;

TEST(PlanFiles, WritesOneFileBesideItsName) {
  const FilePlan plan = PlanFiles("/m/x.gguf", 1, "7");

  EXPECT_EQ(plan.given, "/m/x.gguf.partial-7");
  EXPECT_THAT(plan.files, ElementsAre(PlannedFile{"/m/x.gguf.partial-7", "/m/x.gguf"}));
}

TEST(PlanFiles, NamesPartsAsLlamaCppDoesAndTheFirstLast) {
  const FilePlan plan = PlanFiles("/m/x.gguf", 2, "7");

  EXPECT_EQ(plan.given, "/m/x.partial-7");
  EXPECT_THAT(
      plan.files,
      ElementsAre(PlannedFile{"/m/x.partial-7-00002-of-00002.gguf", "/m/x-00002-of-00002.gguf"},
                  PlannedFile{"/m/x.partial-7-00001-of-00002.gguf", "/m/x-00001-of-00002.gguf"}));
}

}  // namespace
}  // namespace chasqui::quantize
