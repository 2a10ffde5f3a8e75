// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include "grpc/reflection/v1alpha/reflection.pb.h"
#include "tests/integration/rpc/rpc_fixture.h"

namespace chasqui::rpc {
namespace {

using grpc::reflection::v1alpha::ServerReflectionRequest;
using grpc::reflection::v1alpha::ServerReflectionResponse;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

// Both versions are asked with the messages of v1alpha: they are the same on the wire.
class ReflectionTest : public RpcTest, public ::testing::WithParamInterface<const char*> {
 protected:
  ServerReflectionResponse Ask(const ServerReflectionRequest& request) {
    return RunOn(loop(), [&]() -> Task<ServerReflectionResponse> {
      ClientCall call(loop(), channel(), GetParam());
      EXPECT_TRUE(co_await call.Write(Serialize(request)));
      const auto bytes = co_await call.Read();
      ServerReflectionResponse response;
      EXPECT_TRUE(bytes.has_value() && Parse(*bytes, response));
      call.WritesDone();
      EXPECT_EQ(co_await call.Finish(), absl::OkStatus());
      EXPECT_EQ(response.original_request().SerializeAsString(), request.SerializeAsString());
      co_return response;
    });
  }

  static std::vector<std::string> FileNames(const ServerReflectionResponse& response) {
    std::vector<std::string> names;
    for (const auto& bytes : response.file_descriptor_response().file_descriptor_proto()) {
      google::protobuf::FileDescriptorProto file;
      EXPECT_TRUE(file.ParseFromString(bytes));
      names.push_back(file.name());
    }
    return names;
  }
};

INSTANTIATE_TEST_SUITE_P(
    Versions, ReflectionTest,
    ::testing::Values("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                      "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"),
    [](const auto& test) { return test.index == 0 ? "V1" : "V1alpha"; });

TEST_P(ReflectionTest, ListsExactlyWhatIsRegistered) {
  RegisterEcho();
  Start();
  ServerReflectionRequest request;
  request.set_list_services("");

  std::vector<std::string> names;
  const ServerReflectionResponse response = Ask(request);
  for (const auto& service : response.list_services_response().service()) {
    names.push_back(service.name());
  }

  EXPECT_THAT(
      names, UnorderedElementsAre("test.Echo", "grpc.health.v1.Health", "grpc.channelz.v1.Channelz",
                                  "grpc.reflection.v1.ServerReflection",
                                  "grpc.reflection.v1alpha.ServerReflection"));
}

TEST_P(ReflectionTest, GivesAFileByItsName) {
  Start();
  ServerReflectionRequest request;
  request.set_file_by_filename("grpc/health/v1/health.proto");

  EXPECT_THAT(FileNames(Ask(request)), ElementsAre("grpc/health/v1/health.proto"));
}

TEST_P(ReflectionTest, GivesTheFileOfASymbolWithAllItImports) {
  Start();
  ServerReflectionRequest request;
  for (const char* symbol : {"google.rpc.Status", "google.rpc.Status.details"}) {
    request.set_file_containing_symbol(symbol);
    EXPECT_THAT(FileNames(Ask(request)),
                UnorderedElementsAre("google/rpc/status.proto", "google/protobuf/any.proto"));
  }
  for (const char* symbol :
       {"grpc.health.v1.Health", "grpc.health.v1.Health.Check", "grpc.channelz.v1.Channelz",
        "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}) {
    request.set_file_containing_symbol(symbol);
    EXPECT_FALSE(FileNames(Ask(request)).empty()) << symbol;
  }
}

TEST_P(ReflectionTest, UnknownThingsAreNotFound) {
  Start();
  std::vector<ServerReflectionRequest> requests(4);
  requests[0].set_file_by_filename("no/such.proto");
  requests[1].set_file_containing_symbol("no.Such");
  requests[2].set_all_extension_numbers_of_type("no.Such");
  requests[3].mutable_file_containing_extension()->set_containing_type("no.Such");

  for (const auto& request : requests) {
    EXPECT_EQ(Ask(request).error_response().error_code(), 5);
  }
}

TEST_P(ReflectionTest, AnEmptyQuestionIsInvalid) {
  Start();

  EXPECT_EQ(Ask(ServerReflectionRequest()).error_response().error_code(), 3);
}

TEST_P(ReflectionTest, ATypeWithoutExtensionsHasNone) {
  Start();
  ServerReflectionRequest request;
  request.set_all_extension_numbers_of_type("grpc.health.v1.HealthCheckRequest");

  const auto response = Ask(request);

  EXPECT_EQ(response.all_extension_numbers_response().base_type_name(),
            "grpc.health.v1.HealthCheckRequest");
  EXPECT_TRUE(response.all_extension_numbers_response().extension_number().empty());
}

}  // namespace
}  // namespace chasqui::rpc
