// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/commands/cache_text.h"

#include <string_view>
#include <vector>

#include <google/protobuf/util/time_util.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/chasqui/output/table.h"

namespace chasqui::cli {
namespace {

using google::protobuf::util::TimeUtil;

std::string_view TierText(cache::v1::Tier tier) {
  switch (tier) {
    case cache::v1::TIER_MEMORY:
      return "memory";
    case cache::v1::TIER_REDIS:
      return "redis";
    case cache::v1::TIER_DISK:
      return "disk";
    default:
      return "-";
  }
}

std::string Seconds(const google::protobuf::Duration& duration) {
  return absl::StrFormat("%.1f s",
                         static_cast<double>(TimeUtil::DurationToMilliseconds(duration)) / 1e3);
}

std::string HitRateText(const cache::v1::TierStats& tier) {
  const std::uint64_t lookups = tier.hits() + tier.misses();
  if (lookups == 0) return "-";
  return absl::StrFormat("%.1f %%",
                         100.0 * static_cast<double>(tier.hits()) / static_cast<double>(lookups));
}

// One "name value" in a line.
void AddLine(std::string_view name, std::string_view value, std::string& text) {
  absl::StrAppendFormat(&text, "%-18s %s\n", name, value);
}

}  // namespace

std::string StatsText(const cache::v1::GetStatsResponse& stats) {
  Table tiers({"TIER", "STATE", "ENTRIES", "BYTES", "OF", "HITS", "MISSES", "RATE", "STORES",
               "EVICTED", "DISCARDED", "ERRORS"});
  for (const auto& tier : stats.tiers()) {
    const bool counted = tier.tier() != cache::v1::TIER_REDIS;
    tiers.Add({std::string(TierText(tier.tier())), tier.available() ? "on" : "left alone",
               counted ? absl::StrCat(tier.entries()) : "-",
               counted ? BytesText(static_cast<double>(tier.used_bytes())) : "-",
               counted ? BytesText(static_cast<double>(tier.max_bytes())) : "-",
               absl::StrCat(tier.hits()), absl::StrCat(tier.misses()), HitRateText(tier),
               absl::StrCat(tier.stores()), absl::StrCat(tier.evictions()),
               absl::StrCat(tier.discarded()), absl::StrCat(tier.errors())});
  }
  std::string text = tiers.Text() + "\n";
  AddLine("requests",
          absl::StrCat(stats.hits(), " hits, ", stats.coalesced(), " shared, ", stats.misses(),
                       " misses"),
          text);
  AddLine("under way",
          absl::StrCat(stats.flights(), " generations, ", stats.followers(), " followers, ",
                       BytesText(static_cast<double>(stats.flight_bytes()))),
          text);
  AddLine(
      "saved",
      absl::StrCat(stats.saved_prompt_tokens(), " prompt tokens, ", stats.saved_completion_tokens(),
                   " generated, ", Seconds(stats.saved_time())),
      text);
  AddLine("invalidations", absl::StrCat(stats.invalidations()), text);
  AddLine("taken over", absl::StrCat(stats.promoted(), " from lost leaders"), text);
  AddLine("replicas", stats.replicas() == 0 ? "not known" : absl::StrCat(stats.replicas()), text);
  if (stats.top().empty()) return text;
  Table top({"MOST ASKED", "MODEL", "TIMES"});
  for (const auto& entry : stats.top()) {
    top.Add({absl::BytesToHexString(entry.key()), entry.model(), absl::StrCat(entry.asked())});
  }
  return absl::StrCat(text, "\n", top.Text());
}

std::string EntryText(const cache::v1::GetEntryResponse& entry) {
  std::string text;
  AddLine("tier", TierText(entry.tier()), text);
  AddLine("model", absl::StrCat(entry.model(), " (", entry.model_fingerprint(), ")"), text);
  if (!entry.tenant().empty()) AddLine("tenant", entry.tenant(), text);
  if (!entry.tags().empty()) AddLine("tags", absl::StrJoin(entry.tags(), ", "), text);
  AddLine("made", TimeUtil::ToString(entry.create_time()), text);
  AddLine("until", TimeUtil::ToString(entry.expire_time()), text);
  AddLine("cost", Seconds(entry.cost()), text);
  AddLine("tokens",
          absl::StrCat(entry.prompt_tokens(), " prompt, ", entry.completion_tokens(), " generated"),
          text);
  AddLine("size", BytesText(static_cast<double>(entry.size_bytes())), text);
  if (!entry.events().empty()) text.push_back('\n');
  for (const auto& event : entry.events()) {
    if (event.chunk().index() == 0) text.append(event.chunk().text());
  }
  if (!text.ends_with('\n')) text.push_back('\n');
  return text;
}

}  // namespace chasqui::cli
