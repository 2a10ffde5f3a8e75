// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include "absl/status/statusor.h"

namespace chasqui::rpc {

// Files in PEM form. All empty = plain text.
struct ServerTls {
  std::string certificate_file;
  std::string key_file;
  // When set, clients must show a certificate that these sign.
  std::string client_ca_file;
  // Whether they may show none instead; one that is shown must be right.
  bool client_certificate_optional = false;
};

struct ClientTls {
  bool enabled = false;
  // Whom to trust; empty = the system's roots.
  std::string ca_file;
  // Shown to servers that ask; both or neither.
  std::string certificate_file;
  std::string key_file;
};

// NOT_FOUND when a file cannot be read, INVALID_ARGUMENT when the files do not make sense together.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(const ServerTls& tls);
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(const ClientTls& tls);

}  // namespace chasqui::rpc
