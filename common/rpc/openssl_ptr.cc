#include "common/rpc/openssl_ptr.h"

#include <openssl/pem.h>

#include "common/base/hash.h"

namespace dbfleet::rpc::impl {
namespace {

constexpr size_t kMaxPemBytes = 64 << 10;

// Without a callback OpenSSL would ask for the passphrase on the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

BioPtr ReadOnly(const std::string& pem) {
  if (pem.size() > kMaxPemBytes) return nullptr;
  return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

}  // namespace

CertPtr ReadCertificate(const std::string& pem) {
  BioPtr bio = ReadOnly(pem);
  CertPtr certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr) : nullptr);
  ERR_clear_error();
  return certificate;
}

RequestPtr ReadRequest(const std::string& pem) {
  BioPtr bio = ReadOnly(pem);
  RequestPtr request(bio ? PEM_read_bio_X509_REQ(bio.get(), nullptr, NoPassphrase, nullptr)
                         : nullptr);
  ERR_clear_error();
  return request;
}

KeyPtr ReadKey(const std::string& pem) {
  BioPtr bio = ReadOnly(pem);
  KeyPtr key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr) : nullptr);
  ERR_clear_error();
  return key;
}

std::string WriteCertificate(X509* certificate) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1) return "";
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, size);
}

std::string SpkiSha256(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return "";
  std::string hash = Sha256Hex(absl::string_view(reinterpret_cast<char*>(der), size));
  OPENSSL_free(der);
  return hash;
}

std::string LastError() {
  char buffer[256] = "unknown error";
  if (const unsigned long code = ERR_get_error(); code != 0) {
    ERR_error_string_n(code, buffer, sizeof buffer);
  }
  ERR_clear_error();
  return buffer;
}

}  // namespace dbfleet::rpc::impl
