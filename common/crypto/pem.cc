#include "common/crypto/pem.h"

#include <openssl/pem.h>

namespace dbfleet::crypto {
namespace {

constexpr size_t kMaxPemBytes = 64 << 10;

// Without a callback OpenSSL would ask for the passphrase on the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

template <typename Ptr, typename Reader>
Ptr ReadWith(Reader reader, const std::string& pem) {
  if (pem.size() > kMaxPemBytes) return nullptr;
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Ptr object(bio ? reader(bio.get(), nullptr, NoPassphrase, nullptr) : nullptr);
  ERR_clear_error();
  return object;
}

}  // namespace

CertPtr ReadCertificate(const std::string& pem) {
  return ReadWith<CertPtr>(PEM_read_bio_X509, pem);
}

RequestPtr ReadRequest(const std::string& pem) {
  return ReadWith<RequestPtr>(PEM_read_bio_X509_REQ, pem);
}

KeyPtr ReadPrivateKey(const std::string& pem) {
  return ReadWith<KeyPtr>(PEM_read_bio_PrivateKey, pem);
}

KeyPtr ReadPublicKey(const std::string& pem) { return ReadWith<KeyPtr>(PEM_read_bio_PUBKEY, pem); }

std::string WriteCertificate(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1) return "";
  return TakeText(bio.get());
}

std::string TakeText(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, size);
}

std::string LastError() {
  char buffer[256] = "unknown error";
  if (const unsigned long code = ERR_get_error(); code != 0) {
    ERR_error_string_n(code, buffer, sizeof buffer);
  }
  ERR_clear_error();
  return buffer;
}

}  // namespace dbfleet::crypto
