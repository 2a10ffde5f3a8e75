// SPDX-License-Identifier: Apache-2.0
#include "services/router/auth/auth_settings.h"

#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/config/problems.h"
#include "common/redis/settings.h"
#include "common/service/settings.h"
#include "services/router/auth/key_table.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using config::v1::RouterConfig;

void CheckSomebodyCanCall(const RouterConfig& config, config::Checks& checks) {
  const bool has_certificates = !config.server().tls().client_ca_file().empty();
  const bool has_keys = !config.auth().keys_file().empty();
  if (!AuthRequired(config) || has_certificates || has_keys) return;
  const std::string& address = config.server().listen_address();
  const std::string why =
      config.auth().mode() == config::v1::AUTH_MODE_REQUIRED
          ? "is 'required'"
          : absl::StrCat("is 'auto', and other machines can reach ", config::Quoted(address));
  checks.Require(false, "auth.mode",
                 absl::StrCat(why,
                              ": set auth.keys_file (`chasqui keys new` makes a key) or "
                              "server.tls.client_ca_file, or auth.mode to 'off' to let everybody "
                              "do everything"));
}

}  // namespace

void SetAuthDefaults(RouterConfig& config) {
  auto& auth = *config.mutable_auth();
  auth.set_mode(config::v1::AUTH_MODE_AUTO);
  *auth.mutable_reload_interval() = service::ToProto(5s);
  auto& limits = *config.mutable_limits();
  limits.mutable_tenant_defaults();
  limits.set_assumed_answer_tokens(512);
  redis::SetDefaults(*limits.mutable_redis());
}

void CheckAuth(const RouterConfig& config, config::Checks& checks) {
  checks.Range("auth.reload_interval", config.auth().reload_interval(), 50ms, 1h);
  checks.Range("limits.assumed_answer_tokens", config.limits().assumed_answer_tokens(), 1,
               1'000'000);
  redis::Check("limits.redis", config.limits().redis(), checks);
  CheckSomebodyCanCall(config, checks);
  config::Problems problems;
  CheckLimits("limits.tenant_defaults", config.limits().tenant_defaults(), problems);
  if (AuthRequired(config) && !config.auth().keys_file().empty()) {
    LoadKeyTable(config.auth().keys_file(), config.limits().tenant_defaults(), problems);
  }
  checks.Add(std::move(problems));
}

bool AuthRequired(const RouterConfig& config) {
  switch (config.auth().mode()) {
    case config::v1::AUTH_MODE_OFF:
      return false;
    case config::v1::AUTH_MODE_REQUIRED:
      return true;
    default:
      return !config.auth().keys_file().empty() || !IsLoopback(config.server().listen_address());
  }
}

bool IsLoopback(std::string_view listen_address) {
  if (listen_address.starts_with("unix:")) return true;
  const std::string_view host = listen_address.substr(0, listen_address.rfind(':'));
  const bool is_v4 = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host == "localhost" || host == "[::1]" || (is_v4 && host.starts_with("127."));
}

}  // namespace chasqui::router
