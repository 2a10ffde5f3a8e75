// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/tls.h"

#include <fstream>
#include <sstream>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"

namespace chasqui::rpc {
namespace {

grpc_ssl_client_certificate_request_type Ask(const ServerTls& tls) {
  if (tls.client_ca_file.empty()) return GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
  return tls.client_certificate_optional
             ? GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY
             : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
}

absl::StatusOr<std::string> ReadPem(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  if (!file || !(text << file.rdbuf())) {
    return absl::NotFoundError(absl::StrCat("cannot read the PEM file '", path, "'"));
  }
  return text.str();
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(const ServerTls& tls) {
  if (tls.certificate_file.empty() && tls.key_file.empty() && tls.client_ca_file.empty()) {
    return grpc::InsecureServerCredentials();
  }
  if (tls.certificate_file.empty() || tls.key_file.empty()) {
    return absl::InvalidArgumentError("TLS needs both a certificate file and a key file");
  }
  ABSL_ASSIGN_OR_RETURN(std::string certificate, ReadPem(tls.certificate_file));
  ABSL_ASSIGN_OR_RETURN(std::string key, ReadPem(tls.key_file));
  ABSL_ASSIGN_OR_RETURN(std::string client_ca, ReadPem(tls.client_ca_file));
  grpc::SslServerCredentialsOptions options(Ask(tls));
  options.pem_key_cert_pairs.push_back({std::move(key), std::move(certificate)});
  options.pem_root_certs = std::move(client_ca);
  return grpc::SslServerCredentials(options);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(const ClientTls& tls) {
  if (!tls.enabled) return grpc::InsecureChannelCredentials();
  if (tls.certificate_file.empty() != tls.key_file.empty()) {
    return absl::InvalidArgumentError("a client certificate needs both its file and its key file");
  }
  grpc::SslCredentialsOptions options;
  ABSL_ASSIGN_OR_RETURN(options.pem_root_certs, ReadPem(tls.ca_file));
  ABSL_ASSIGN_OR_RETURN(options.pem_private_key, ReadPem(tls.key_file));
  ABSL_ASSIGN_OR_RETURN(options.pem_cert_chain, ReadPem(tls.certificate_file));
  return grpc::SslCredentials(options);
}

}  // namespace chasqui::rpc
