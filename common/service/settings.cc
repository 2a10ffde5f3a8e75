// SPDX-License-Identifier: Apache-2.0
#include "common/service/settings.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace chasqui::service {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kKiB = 1 << 10;
constexpr std::uint64_t kMiB = 1 << 20;

std::chrono::milliseconds ToMilliseconds(const google::protobuf::Duration& duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(ToDuration(duration));
}

void CheckTls(const std::string& path, const config::v1::TlsConfig& tls, config::Checks& checks) {
  checks.NotEmpty(path + ".certificate_file", tls.certificate_file());
  checks.NotEmpty(path + ".private_key_file", tls.private_key_file());
}

}  // namespace

void SetDefaults(std::string_view listen_address, config::v1::ServerConfig& config) {
  config.set_listen_address(std::string(listen_address));
  config.set_metrics_address("127.0.0.1:0");
  config.set_loops(1);
  config.set_max_message_bytes(16 * kMiB);
  config.set_max_concurrent_streams(10'000);
  *config.mutable_drain_grace() = ToProto(25s);
  *config.mutable_keepalive()->mutable_time() = ToProto(60s);
  *config.mutable_keepalive()->mutable_timeout() = ToProto(20s);
  *config.mutable_keepalive()->mutable_min_client_interval() = ToProto(10s);
  config.set_reflection(true);
  config.set_channelz(true);
  config.mutable_compression()->set_min_bytes(kKiB);
}

void Check(std::string_view path, const config::v1::ServerConfig& config, config::Checks& checks) {
  const auto field = [path](std::string_view name) { return absl::StrCat(path, ".", name); };
  checks.Address(field("listen_address"), config.listen_address());
  if (!config.metrics_address().empty())
    checks.Address(field("metrics_address"), config.metrics_address());
  if (config.has_tls()) CheckTls(field("tls"), config.tls(), checks);
  checks.Range(field("loops"), config.loops(), 1, 64);
  checks.ByteRange(field("max_message_bytes"), config.max_message_bytes(), 4 * kKiB, 256 * kMiB);
  checks.Range(field("max_concurrent_streams"), config.max_concurrent_streams(), 1, 100'000);
  checks.ByteRange(field("compression.min_bytes"), config.compression().min_bytes(), 64,
                   256 * kMiB);
  checks.Range(field("drain_grace"), config.drain_grace(), 0s, 1h);
  checks.Range(field("keepalive.time"), config.keepalive().time(), 10s, 24h);
  checks.Range(field("keepalive.timeout"), config.keepalive().timeout(), 1s, 10min);
  checks.Range(field("keepalive.min_client_interval"), config.keepalive().min_client_interval(), 1s,
               1h);
}

void Check(std::string_view path, const config::v1::ClientTlsConfig& config,
           config::Checks& checks) {
  checks.Require(config.certificate_file().empty() == config.private_key_file().empty(),
                 absl::StrCat(path, ".private_key_file"),
                 "must be set together with certificate_file");
}

rpc::ServerOptions ToOptions(std::string name, const config::v1::ServerConfig& config) {
  rpc::ServerOptions options;
  options.name = std::move(name);
  options.listen = config.listen_address();
  options.loops = static_cast<int>(config.loops());
  options.tls = {.certificate_file = config.tls().certificate_file(),
                 .key_file = config.tls().private_key_file(),
                 .client_ca_file = config.tls().client_ca_file(),
                 .client_certificate_optional = config.tls().client_certificate_optional()};
  options.max_request_bytes = static_cast<int>(config.max_message_bytes());
  options.max_streams_per_connection = static_cast<int>(config.max_concurrent_streams());
  options.keepalive_time = ToMilliseconds(config.keepalive().time());
  options.keepalive_timeout = ToMilliseconds(config.keepalive().timeout());
  options.min_client_ping_interval = ToMilliseconds(config.keepalive().min_client_interval());
  options.reflection = config.reflection();
  options.channelz = config.channelz();
  if (config.compression().responses()) {
    options.compress_from_bytes = static_cast<int>(config.compression().min_bytes());
  }
  return options;
}

rpc::ClientTls ToClientTls(const config::v1::ClientTlsConfig& config) {
  return {.enabled = config.enabled(),
          .ca_file = config.ca_file(),
          .certificate_file = config.certificate_file(),
          .key_file = config.private_key_file()};
}

absl::StatusOr<std::string> ReadSecretFile(const std::string& path) {
  constexpr std::size_t kMostBytes = 4096;
  std::ifstream file(path, std::ios::binary);
  std::string text(kMostBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad() || file.gcount() == 0) {
    return absl::NotFoundError(absl::StrCat("cannot read '", path, "'"));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  return std::string(absl::StripAsciiWhitespace(text));
}

time::Duration ToDuration(const google::protobuf::Duration& duration) {
  return std::chrono::duration_cast<time::Duration>(std::chrono::seconds(duration.seconds()) +
                                                    std::chrono::nanoseconds(duration.nanos()));
}

google::protobuf::Duration ToProto(time::Duration duration) {
  google::protobuf::Duration proto;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  proto.set_seconds(seconds.count());
  proto.set_nanos(static_cast<std::int32_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(duration - seconds).count()));
  return proto;
}

}  // namespace chasqui::service
