#include "common/rpc/tls.h"

namespace dbfleet::rpc {

std::shared_ptr<grpc::ServerCredentials> ServerTls(const std::string& chain_pem,
                                                   const std::string& key_pem,
                                                   const std::string& ca_pem) {
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = ca_pem;
  options.pem_key_cert_pairs.push_back({key_pem, chain_pem});
  return grpc::SslServerCredentials(options);
}

std::shared_ptr<grpc::ChannelCredentials> ClientTls(const std::string& ca_pem,
                                                    const std::string& chain_pem,
                                                    const std::string& key_pem) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = ca_pem;
  options.pem_cert_chain = chain_pem;
  options.pem_private_key = key_pem;
  return grpc::SslCredentials(options);
}

}  // namespace dbfleet::rpc
