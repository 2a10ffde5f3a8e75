// SPDX-License-Identifier: Apache-2.0
#include "tools/quantize/plan_files.h"

#include <array>

#include <llama.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace chasqui::quantize {
namespace {

std::string Part(const std::string& prefix, int part, int parts) {
  std::array<char, 4096> buffer;
  llama_split_path(buffer.data(), buffer.size(), prefix.c_str(), part, parts);
  return buffer.data();
}

}  // namespace

FilePlan PlanFiles(std::string_view output, int parts, std::string_view mark) {
  FilePlan plan;
  if (parts <= 1) {
    plan.given = absl::StrCat(output, ".partial-", mark);
    plan.files.push_back({plan.given, std::string(output)});
    return plan;
  }
  const std::string prefix(absl::StripSuffix(output, ".gguf"));
  plan.given = absl::StrCat(prefix, ".partial-", mark);
  for (int part = parts - 1; part >= 0; --part)
    plan.files.push_back({Part(plan.given, part, parts), Part(prefix, part, parts)});
  return plan;
}

}  // namespace chasqui::quantize
