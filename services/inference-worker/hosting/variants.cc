// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/hosting/variants.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace chasqui::worker {
namespace {

namespace fs = std::filesystem;

// "Q8_0", "IQ4_XS", "UD-Q4_K_XL" without its "UD-", "TQ1_0", "MXFP4": letters, bits, a rest.
bool IsQuantization(std::string_view suffix) {
  static constexpr std::string_view kWhole[] = {"F32", "F16", "BF16", "FP16", "MXFP4", "NVFP4"};
  if (std::ranges::any_of(kWhole, [suffix](std::string_view name) {
        return absl::EqualsIgnoreCase(suffix, name);
      })) {
    return true;
  }
  static constexpr std::string_view kLetters[] = {"IQ", "TQ", "Q"};
  for (const std::string_view letters : kLetters) {
    if (!absl::StartsWithIgnoreCase(suffix, letters)) continue;
    const std::string_view rest = suffix.substr(letters.size());
    if (rest.size() < 3 || !absl::ascii_isdigit(static_cast<unsigned char>(rest[0])) ||
        rest[1] != '_') {
      return false;
    }
    return std::ranges::all_of(rest.substr(2),
                               [](unsigned char c) { return absl::ascii_isalnum(c) || c == '_'; });
  }
  return false;
}

// "-00002-of-00005" at the end of the name of a part.
constexpr std::size_t kPartLength = sizeof("-00002-of-00005") - 1;

bool IsPart(std::string_view stem) {
  if (stem.size() <= kPartLength) return false;
  const std::string_view part = stem.substr(stem.size() - kPartLength);
  const auto digits = [](std::string_view text) {
    return std::ranges::all_of(text, [](unsigned char c) { return absl::ascii_isdigit(c); });
  };
  return part.front() == '-' && part.substr(6, 4) == "-of-" && digits(part.substr(1, 5)) &&
         digits(part.substr(10));
}

bool IsLaterPart(std::string_view stem) {
  return IsPart(stem) && stem.substr(stem.size() - kPartLength + 1, 5) != "00001";
}

std::string_view WithoutPart(std::string_view stem) {
  return IsPart(stem) ? stem.substr(0, stem.size() - kPartLength) : stem;
}

}  // namespace

VariantName SplitVariantName(std::string_view stem) {
  // The type itself has underscores, so that the first mark whose rest is one wins.
  for (std::size_t i = 1; i < stem.size(); ++i) {
    if (stem[i] != '-' && stem[i] != '.' && stem[i] != '_') continue;
    if (IsQuantization(stem.substr(i + 1)))
      return {.model = stem.substr(0, i), .quantization = stem.substr(i + 1)};
  }
  return {.model = stem, .quantization = {}};
}

std::vector<VariantGroup> GroupVariants(std::span<const std::string> paths) {
  struct File {
    std::string stem;
    std::string path;
  };
  std::map<std::string, std::vector<File>> by_model;
  for (const std::string& path : paths) {
    const std::string whole = fs::path(path).stem().string();
    if (IsLaterPart(whole)) continue;
    std::string stem(WithoutPart(whole));
    std::string model(SplitVariantName(stem).model);
    by_model[std::move(model)].push_back({.stem = std::move(stem), .path = path});
  }
  std::vector<VariantGroup> groups;
  for (const auto& [model, files] : by_model) {
    VariantGroup& group = groups.emplace_back();
    group.name = files.size() == 1 ? files.front().stem : model;
    for (const File& file : files) group.paths.push_back(file.path);
  }
  std::ranges::sort(groups, {}, &VariantGroup::name);
  return groups;
}

std::vector<std::size_t> BestFirst(std::span<const VariantSize> variants) {
  std::vector<std::size_t> order(variants.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{},
                           [&](std::size_t i) { return variants[i].weights_bytes; });
  return order;
}

std::optional<std::size_t> ChooseVariant(std::span<const VariantSize> variants,
                                         std::optional<std::uint64_t> available_bytes) {
  for (const std::size_t i : BestFirst(variants)) {
    if (!available_bytes.has_value() || variants[i].total_bytes <= *available_bytes) return i;
  }
  return std::nullopt;
}

}  // namespace chasqui::worker
