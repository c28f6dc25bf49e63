//! Certificates for the tests, by an authority of their own.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

pub(crate) fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "authority");
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for this name, and its key, PEM.
pub(crate) fn certificate(name: &str, authority: &CertifiedIssuer<'static, KeyPair>) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

/// What servers and clients on 127.0.0.1 need to prove to each other who they are.
#[derive(Debug)]
pub(crate) struct Papers {
    dir: TempDir,
}

impl Papers {
    pub(crate) fn new() -> Papers {
        let dir = tempfile::tempdir().unwrap();
        let authority = authority();
        let write = |name: &str, pem: &str| std::fs::write(dir.path().join(name), pem).unwrap();
        write("ca", &authority.pem());
        for (name, whose) in [("server", "127.0.0.1"), ("client", "me")] {
            let (certificate, key) = certificate(whose, &authority);
            write(name, &certificate);
            write(&format!("{name}.key"), &key);
        }
        Papers { dir }
    }

    fn path(&self, name: &str) -> String {
        Path::join(self.dir.path(), name).display().to_string()
    }

    /// The settings of a server that talks TLS only: to clients, replicas, sentinels and the rest of its cluster.
    pub(crate) fn settings(&self) -> Vec<String> {
        let files = [("ca-cert-file", "ca"), ("cert-file", "server"), ("key-file", "server.key")];
        let mut settings = vec!["--tls-port".to_owned()];
        settings.extend(
            files.into_iter().flat_map(|(setting, name)| [format!("--tls-{setting}"), self.path(name)]),
        );
        settings.extend(["--tls-auth-clients", "yes", "--tls-replication", "yes"].map(str::to_owned));
        settings
    }

    /// The options of a URL for a client that trusts those servers.
    pub(crate) fn trust(&self) -> String {
        format!("ca={}", self.path("ca"))
    }

    /// The same, of one that proves who it is.
    pub(crate) fn options(&self) -> String {
        format!("{}&cert={}&key={}", self.trust(), self.path("client"), self.path("client.key"))
    }
}
