// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "chasqui/cache/v1/cache_service.grpc.pb.h"
#include "tools/chasqui/client/files.h"
#include "tools/chasqui/commands/cache_text.h"
#include "tools/chasqui/commands/command.h"
#include "tools/chasqui/output/json.h"
#include "tools/chasqui/output/progress_bar.h"

namespace chasqui::cli {
namespace {

using chasqui::cache::v1::CacheService;
using chasqui::cache::v1::GetEntryRequest;
using chasqui::cache::v1::GetEntryResponse;
using chasqui::cache::v1::GetStatsRequest;
using chasqui::cache::v1::GetStatsResponse;
using chasqui::cache::v1::InvalidateRequest;
using chasqui::cache::v1::InvalidateResponse;
using chasqui::cache::v1::WarmRequest;
using chasqui::cache::v1::WarmResponse;

constexpr char kDefaultServer[] = "127.0.0.1:50071";

absl::StatusOr<std::string> KeyFromHex(const std::string& hex) {
  std::string key;
  if (hex.size() == 64 && absl::HexStringToBytes(hex, &key)) return key;
  return absl::InvalidArgumentError(absl::StrCat(
      "a key is 64 hexadecimal digits, as `chasqui cache stats` tells, not \"", hex, "\""));
}

absl::Status ShowStats(std::uint32_t top, bool json, const Connection& connection) {
  GetStatsRequest request;
  request.set_top(top);
  GetStatsResponse response;
  const absl::Status status = connection.Call(
      &CacheService::Stub::GetStats, *connection.NewStub<CacheService>(), request, &response);
  if (status.ok()) std::cout << (json ? ToJson(response) + "\n" : StatsText(response));
  return status;
}

absl::Status ShowEntry(const std::string& hex, bool json, const Connection& connection) {
  const absl::StatusOr<std::string> key = KeyFromHex(hex);
  if (!key.ok()) return key.status();
  GetEntryRequest request;
  request.set_key(*key);
  request.set_with_events(true);
  GetEntryResponse response;
  const absl::Status status = connection.Call(
      &CacheService::Stub::GetEntry, *connection.NewStub<CacheService>(), request, &response);
  if (status.ok()) std::cout << (json ? ToJson(response) + "\n" : EntryText(response));
  return status;
}

struct PurgeFlags {
  std::vector<std::string> keys;
  std::vector<std::string> tags;
  std::vector<std::string> models;
  bool all = false;
};

absl::Status Purge(const PurgeFlags& flags, bool json, const Connection& connection) {
  InvalidateRequest request;
  for (const std::string& hex : flags.keys) {
    absl::StatusOr<std::string> key = KeyFromHex(hex);
    if (!key.ok()) return key.status();
    request.add_keys(*std::move(key));
  }
  request.mutable_tags()->Assign(flags.tags.begin(), flags.tags.end());
  request.mutable_models()->Assign(flags.models.begin(), flags.models.end());
  request.set_everything(flags.all);
  InvalidateResponse response;
  const absl::Status status = connection.Call(
      &CacheService::Stub::Invalidate, *connection.NewStub<CacheService>(), request, &response);
  if (!status.ok()) return status;
  if (json) {
    std::cout << ToJson(response) << "\n";
    return status;
  }
  std::cout << "invalid in " << response.replicas()
            << (response.replicas() == 1 ? " replica" : " replicas")
            << (response.others_pending() ? "; others will know when Redis is back" : "") << "\n";
  return status;
}

struct WarmFlags {
  std::string file;
  bool refresh = false;
  std::uint32_t concurrency = 1;
  std::string tenant;
};

// A GenerateRequest as JSON on each line.
absl::StatusOr<WarmRequest> ReadRequests(const WarmFlags& flags) {
  const absl::StatusOr<std::string> text = ReadFile(flags.file);
  if (!text.ok()) return text.status();
  WarmRequest request;
  request.set_refresh(flags.refresh);
  request.set_concurrency(flags.concurrency);
  request.set_tenant(flags.tenant);
  std::istringstream lines(*text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const absl::Status parsed =
        FromJson(line, absl::StrCat(flags.file, ":", number), *request.add_requests());
    if (!parsed.ok()) return parsed;
  }
  return request;
}

absl::Status Warm(const WarmFlags& flags, bool json, const Connection& connection) {
  const absl::StatusOr<WarmRequest> request = ReadRequests(flags);
  if (!request.ok()) return request.status();
  const auto context = connection.NewContext();
  const auto stub = connection.NewStub<CacheService>();
  const auto reader = stub->Warm(context.get(), *request);
  ProgressBar bar(std::cerr, ProgressBar::StyleFor(json));
  WarmResponse last;
  const absl::Status status =
      connection.Drain<WarmResponse>(*context, *reader, [&](const WarmResponse& progress) {
        last = progress;
        if (json) std::cout << ToJson(progress) << "\n" << std::flush;
        bar.Show("warming", static_cast<double>(progress.completed()) / progress.total(),
                 absl::StrCat(progress.completed(), " of ", progress.total()));
        return absl::OkStatus();
      });
  bar.Done();
  if (!status.ok()) return status;
  if (!json) {
    std::cout << last.generated() << " generated, " << last.remembered() << " remembered before, "
              << last.failed() << " failed\n";
  }
  if (last.failed() == 0) return status;
  return absl::FailedPreconditionError(absl::StrCat(
      last.failed(), " failed; the last one, request ", last.failed_index(), ": ", last.failure()));
}

// `run` on the cache service instead of the router.
void SetCacheAction(CLI::App& app, Choice& choice, ClientAction run, time::Duration timeout) {
  SetClientAction(app, choice, std::move(run), timeout)->server = kDefaultServer;
}

}  // namespace

void AddCache(CLI::App& app, Choice& choice) {
  CLI::App& cache = *app.add_subcommand("cache", "Look after remembered answers")
                         ->require_subcommand(1)
                         ->footer("Ask the cache service: --server is its address.");
  CLI::App& stats = *cache.add_subcommand("stats", "Show the tiers and what was saved");
  const auto top = std::make_shared<std::uint32_t>(0);
  stats.add_option("--top", *top, "How many of the most asked answers to show, up to 128");
  SetCacheAction(
      stats, choice,
      [top, &choice](const Connection& connection) {
        return ShowStats(*top, choice.json, connection);
      },
      std::chrono::seconds(30));

  CLI::App& get = *cache.add_subcommand("get", "Show a remembered answer");
  const auto key = std::make_shared<std::string>();
  get.add_option("key", *key, "Its key, as `stats --top` tells")->required();
  SetCacheAction(
      get, choice,
      [key, &choice](const Connection& connection) {
        return ShowEntry(*key, choice.json, connection);
      },
      std::chrono::seconds(30));

  CLI::App& purge = *cache.add_subcommand("purge", "Make answers invalid, in all replicas");
  const auto names = std::make_shared<PurgeFlags>();
  purge.add_option("--key", names->keys, "Those of this key")->allow_extra_args(false);
  purge.add_option("--tag", names->tags, "Those with this tag")->allow_extra_args(false);
  purge.add_option("--model", names->models, "Those of this model")->allow_extra_args(false);
  purge.add_flag("--all", names->all, "All");
  SetCacheAction(
      purge, choice,
      [names, &choice](const Connection& connection) {
        return Purge(*names, choice.json, connection);
      },
      std::chrono::seconds(30));

  CLI::App& warm = *cache.add_subcommand("warm", "Have requests answered in advance");
  const auto warming = std::make_shared<WarmFlags>();
  warm.add_option("file", warming->file, "A request as JSON on each line")->required();
  warm.add_flag("--refresh", warming->refresh, "Answer again what is remembered");
  warm.add_option("--concurrency", warming->concurrency, "How many at once, up to 64");
  warm.add_option("--tenant", warming->tenant, "Whose answers they are to be");
  SetCacheAction(
      warm, choice,
      [warming, &choice](const Connection& connection) {
        return Warm(*warming, choice.json, connection);
      },
      std::chrono::hours(1));
}

}  // namespace chasqui::cli
