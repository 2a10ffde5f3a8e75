// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include "common/rpc/tls.h"
#include "google/rpc/error_details.pb.h"
#include "tests/integration/router/keys_fixture.h"

namespace chasqui::router {
namespace {

// An authority, and a router that takes its certificates.
class RouterMutualTls : public KeysFixture {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_);
    Openssl("-subj /CN=test-authority -keyout " + File("ca.key") + " -out " + File("ca.pem"));
    Issue("server", "IP:127.0.0.1");
  }

  static void Openssl(const std::string& arguments) {
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt "
        "ec_paramgen_curve:prime256v1 -nodes -days 2 " +
        arguments + " 2>/dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  std::string File(const std::string& name) const { return folder_ + "/" + name; }

  // Makes NAME.pem and NAME.key, with NAME as the common name.
  void Issue(const std::string& name, const std::string& alternative_names) const {
    Openssl("-CA " + File("ca.pem") + " -CAkey " + File("ca.key") + " -subj /CN=" + name +
            (alternative_names.empty() ? "" : " -addext subjectAltName=" + alternative_names) +
            " -keyout " + File(name + ".key") + " -out " + File(name + ".pem"));
  }
  // Shows the certificate of this name; none when it is empty.
  std::shared_ptr<grpc::ChannelCredentials> As(const std::string& name) const {
    rpc::ClientTls tls{.enabled = true, .ca_file = File("ca.pem")};
    if (!name.empty()) {
      tls.certificate_file = File(name + ".pem");
      tls.key_file = File(name + ".key");
    }
    return *rpc::MakeCredentials(tls);
  }

  void Start(const std::string& certificates, bool optional = false) {
    Issue("worker", "URI:spiffe://test/worker");
    WriteKeys(UsualKeys("tenant: team-a") +
              "certificates:\n- {identity: \"spiffe://test/worker\", roles: [worker]}\n" +
              certificates);
    Config config = WithKeys(TestConfig());
    auto& tls = *config.mutable_server()->mutable_tls();
    tls.set_certificate_file(File("server.pem"));
    tls.set_private_key_file(File("server.key"));
    tls.set_client_ca_file(File("ca.pem"));
    tls.set_client_certificate_optional(optional);
    config.mutable_limits()->mutable_tenant_defaults()->set_requests_per_hour(1);
    StartRouter(config);
  }
  // Has all further calls of the fixture made so.
  void ConnectAs(const std::string& name) {
    channel_ = grpc::CreateChannel(router_->local_address(), As(name));
    inference_ = inference::v1::InferenceService::NewStub(channel_);
    fleet_ = fleet::v1::FleetService::NewStub(channel_);
  }
  std::unique_ptr<testing::FakeWorker> JoinByCertificate() {
    auto worker = std::make_unique<testing::FakeWorker>(
        testing::FakeWorkerOptions{.slots = 8, .router_credentials = As("worker")});
    EXPECT_TRUE(worker->Join(router_->local_address()));
    return worker;
  }

  grpc::Status ListWorkers() {
    grpc::ClientContext context;
    fleet::v1::ListWorkersResponse response;
    return fleet_->ListWorkers(&context, fleet::v1::ListWorkersRequest(), &response);
  }
  // Whose quota the second of two requests finds used up.
  std::string Subject(testing::FakeWorker& worker) {
    const auto first = Stream();
    worker.NextCall()->Answer({"a"});
    EXPECT_TRUE(first->Wait().ok());
    google::rpc::QuotaFailure failure;
    const grpc::Status refused = Stream()->Wait();
    EXPECT_TRUE(status::GetDetail(rpc::FromGrpc(refused), failure)) << refused.error_message();
    return failure.violations_size() > 0 ? failure.violations(0).subject() : "";
  }

  const std::string folder_ = ::testing::TempDir() + "/router-tls-" +
                              ::testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(RouterMutualTls, TakesACertificatesIdentityAsTheTenant) {
  Issue("by-name", "");
  Issue("by-dns", "DNS:team-b.example,DNS:other.example");
  Issue("by-uri", "DNS:team-c.example,URI:spiffe://test/team-c");
  Start("");
  const auto worker = JoinByCertificate();

  ConnectAs("by-name");
  EXPECT_EQ(Subject(*worker), "tenant:by-name");
  ConnectAs("by-dns");
  EXPECT_EQ(Subject(*worker), "tenant:team-b.example");
  ConnectAs("by-uri");
  EXPECT_EQ(Subject(*worker), "tenant:spiffe://test/team-c");
}

TEST_F(RouterMutualTls, GivesListedCertificatesTheirTenantAndRoles) {
  Issue("steward", "URI:spiffe://test/steward");
  Issue("client", "URI:spiffe://test/client");
  Issue("revoked", "URI:spiffe://test/revoked");
  Start(
      "- {identity: \"spiffe://test/steward\", tenant: ops, roles: [operator]}\n"
      "- {identity: \"spiffe://test/client\", tenant: team-a}\n"
      "- {identity: \"spiffe://test/revoked\", disabled: true}\n");
  const auto worker = JoinByCertificate();

  ConnectAs("steward");
  EXPECT_TRUE(ListWorkers().ok());
  EXPECT_EQ(Reason(Generate(testing::Prompt("x"))), "ROLE_NOT_ALLOWED");
  ConnectAs("client");
  EXPECT_EQ(Reason(ListWorkers()), "ROLE_NOT_ALLOWED");
  EXPECT_EQ(Subject(*worker), "tenant:team-a");
  ConnectAs("revoked");
  EXPECT_EQ(Reason(Generate(testing::Prompt("x"))), "CERTIFICATE_DISABLED");
}

TEST_F(RouterMutualTls, LetsACertificateOfNoWorkerNotJoin) {
  Issue("client", "URI:spiffe://test/client");
  Start("");

  EXPECT_FALSE(
      testing::FakeWorker({.router_credentials = As("client")}).Join(router_->local_address()));
}

TEST_F(RouterMutualTls, NeedsACertificateUnlessItIsOptional) {
  Start("", /*optional=*/false);
  ConnectAs("");
  EXPECT_EQ(Ask(client_.key).error_code(), grpc::StatusCode::UNAVAILABLE);

  Start("", /*optional=*/true);
  ConnectAs("");
  EXPECT_EQ(AskForReason(""), "API_KEY_MISSING");
  EXPECT_NE(AskForReason(client_.key), "API_KEY_MISSING");
  EXPECT_EQ(AskForReason(operator_.key), "ROLE_NOT_ALLOWED");
}

}  // namespace
}  // namespace chasqui::router
