//! Certificates: whom this client trusts, and how it proves who it is.

use std::fmt;

use larder::{ErrorKind, Result};
use redis::sentinel::SentinelClientBuilder;
use redis::{Client, ConnectionInfo};

use crate::failure;

/// Whom to trust, and who we are, beside the password.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    /// Certificates of authorities, PEM. `None`: those of the system.
    pub(crate) authorities: Option<Vec<u8>>,
    /// Our own certificate and its key, PEM.
    pub(crate) identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Tls {
    #[cfg(feature = "tls")]
    fn certificates(&self) -> redis::TlsCertificates {
        use redis::{ClientTlsConfig, TlsCertificates};
        // Of several that a program may be built with, rustls takes none by itself.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Somebody else may have been faster, which is as well.
            _ = rustls::crypto::ring::default_provider().install_default();
        }
        let identity = self.identity.clone();
        TlsCertificates {
            client_tls: identity.map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key }),
            root_cert: self.authorities.clone(),
        }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn client(&self, info: ConnectionInfo) -> Result<Client> {
        Client::build_with_tls(info, self.certificates()).map_err(|why| {
            failure::error(
                ErrorKind::Invalid,
                format!("the certificates cannot be used ({})", why.category()),
            )
        })
    }

    /// Has sentinels and servers prove who they are, and ourselves to them.
    #[cfg(feature = "tls")]
    pub(crate) fn for_both(&self, builder: SentinelClientBuilder) -> SentinelClientBuilder {
        builder
            .set_client_to_redis_tls_mode(redis::TlsMode::Secure)
            .set_client_to_redis_certificates(self.certificates())
            .set_client_to_sentinel_tls_mode(redis::TlsMode::Secure)
            .set_client_to_sentinel_certificates(self.certificates())
    }

    /// Without the feature no address says TLS.
    #[cfg(not(feature = "tls"))]
    pub(crate) fn for_both(&self, builder: SentinelClientBuilder) -> SentinelClientBuilder {
        builder
    }

    #[cfg(not(feature = "tls"))]
    pub(crate) fn client(&self, _info: ConnectionInfo) -> Result<Client> {
        Err(failure::error(ErrorKind::Unsupported, "this program was built without TLS"))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("authorities", &self.authorities.is_some())
            .field("identity", &self.identity.is_some())
            .finish()
    }
}
