// SPDX-License-Identifier: Apache-2.0
#include "common/redis/settings.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace chasqui::redis {

using namespace std::chrono_literals;

void SetDefaults(config::v1::RedisConfig& config) {
  config.mutable_timeout()->set_nanos(std::chrono::nanoseconds(50ms).count());
  config.set_key_prefix("chasqui:");
}

void Check(std::string_view path, const config::v1::RedisConfig& config, config::Checks& checks) {
  if (!config.address().starts_with("unix:/") && !config.address().empty()) {
    checks.Address(absl::StrCat(path, ".address"), config.address());
  }
  checks.Require(config.username().empty() || !config.password().empty(),
                 absl::StrCat(path, ".username"), "must come with a password");
  checks.Range(absl::StrCat(path, ".database"), config.database(), 0, 1023);
  checks.Range(absl::StrCat(path, ".timeout"), config.timeout(), 1ms, 10s);
}

time::Duration Timeout(const config::v1::RedisConfig& config) {
  return std::chrono::seconds(config.timeout().seconds()) +
         std::chrono::nanoseconds(config.timeout().nanos());
}

Link::Options LinkOptions(const config::v1::RedisConfig& config) {
  Link::Options options;
  options.address = config.address();
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(Timeout(config));
  options.command_timeout = std::max<std::chrono::milliseconds>(10 * timeout, 500ms);
  options.connect_timeout = std::max<std::chrono::milliseconds>(10 * timeout, 1s);
  if (!config.password().empty()) {
    std::vector<std::string> auth = {"AUTH"};
    if (!config.username().empty()) auth.push_back(config.username());
    auth.push_back(config.password());
    options.greeting.push_back(std::move(auth));
  }
  if (config.database() != 0) {
    options.greeting.push_back({"SELECT", absl::StrCat(config.database())});
  }
  return options;
}

}  // namespace chasqui::redis
