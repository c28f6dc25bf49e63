//! How failures of the server and of the connection become errors: the kind, and whether the command may
//! have been carried out. What the server says is shown, save for arguments of commands, which may be
//! secret.

use std::borrow::Cow;

use larder::{Error, ErrorKind};
use redis::{ErrorKind as Kind, RedisError};

/// The backend's name in errors and listings.
pub(crate) const NAME: &str = "redis";

/// A failure of this kind of this backend.
pub(crate) fn error(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(kind, message).in_backend(NAME)
}

/// The answer of a closed store.
pub(crate) fn closed() -> Error {
    Error::closed().in_backend(NAME)
}

/// A value under a key of ours that is none of ours.
pub(crate) fn foreign(what: impl Into<Cow<'static, str>>) -> Error {
    error(ErrorKind::Corrupt, what)
}

/// An answer of the server that makes no sense here.
pub(crate) fn nonsense(command: &str) -> Error {
    error(ErrorKind::Io, format!("the server answered {command} with something else than it should"))
}

/// A failed command, sorted by what is to be done next.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// The server refused for now, before it changed anything. Waiting helps.
    Wait(Error),
    /// The same, and another server may answer by now: connect anew.
    Elsewhere(Error),
    /// The connection is gone, and with it the answer: the command may have been carried out.
    Lost(Error),
    /// The script is not on the server: send it.
    NoScript,
    /// This slot of the cluster is with the server that is named.
    Moved(u16, String),
    /// The key is already with the server that is named, which is still receiving the slot.
    Ask(String),
    /// It is known better now where to send it.
    Again(Error),
    /// The server refused, and will do so again.
    Refused(Error),
}

/// Sorts a failure.
pub(crate) fn sorted(failure: &RedisError) -> Trouble {
    match failure.kind() {
        Kind::Io if is_refused_by_tls(failure) => Trouble::Refused(error(
            ErrorKind::Denied,
            format!("a certificate was not accepted: {}", plain(failure)),
        )),
        Kind::Io | Kind::Parse => Trouble::Lost(error(
            ErrorKind::Unavailable,
            format!("the connection to the server failed: {}", plain(failure)),
        )),
        Kind::AuthenticationFailed => Trouble::Refused(denied(failure)),
        Kind::MasterNameNotFoundBySentinel => Trouble::Wait(error(
            ErrorKind::Unavailable,
            "the sentinels know no primary of this name at the moment",
        )),
        Kind::InvalidClientConfig | Kind::RESP3NotSupported => Trouble::Refused(error(
            ErrorKind::Invalid,
            format!("the server cannot be used like this: {}", plain(failure)),
        )),
        _ => by_code(failure),
    }
}

fn by_code(failure: &RedisError) -> Trouble {
    let said = plain(failure);
    if let Some((place, slot)) = failure.redirect_node() {
        let place = place.to_owned();
        return if failure.code() == Some("ASK") { Trouble::Ask(place) } else { Trouble::Moved(slot, place) };
    }
    // Servers before version 7 put the failure of a command within a script into the message, or its place before it.
    let code = match failure.code() {
        Some("ERR" | "@user_script:") | None => ["OOM", "WRONGTYPE", "READONLY", "NOPERM", "MISCONF"]
            .into_iter()
            .find(|code| [format!("-{code} "), format!(": {code} ")].iter().any(|put| said.contains(put)))
            .unwrap_or("ERR"),
        Some(code) => code,
    };
    let unavailable = |what: &str| error(ErrorKind::Unavailable, format!("{what}: {said}"));
    match code {
        "NOSCRIPT" => Trouble::NoScript,
        "LOADING" => Trouble::Wait(unavailable("the server is still loading its data")),
        "BUSY" => Trouble::Wait(unavailable("the server is busy with somebody's script")),
        "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" => {
            Trouble::Wait(unavailable("the server cannot answer at the moment"))
        }
        "NOREPLICAS" => Trouble::Refused(unavailable("too few replicas are there to write")),
        "READONLY" => Trouble::Elsewhere(unavailable("the server is a replica; write to the primary")),
        "MISCONF" => {
            Trouble::Refused(unavailable("the server cannot save its data and takes no writes; see its log"))
        }
        "NOAUTH" | "WRONGPASS" | "NOPERM" => Trouble::Refused(denied(failure)),
        "OOM" => Trouble::Refused(error(
            ErrorKind::Full,
            format!("the server's memory is full; raise maxmemory or remove entries: {said}"),
        )),
        "WRONGTYPE" => Trouble::Refused(foreign(
            "something else than a string stands under the key; replace or remove it",
        )),
        // Of a slot that is on its way: its keys are on two servers.
        _ if said.contains("attempted to access a non local key") => {
            Trouble::Wait(unavailable("the slot is being moved"))
        }
        _ if said.contains("cluster support disabled") => {
            Trouble::Refused(error(ErrorKind::Unsupported, "the server is no cluster: open it by redis:"))
        }
        // In the words of servers before 7.2, and of those since then.
        _ if said.contains("The user executing the script can't")
            || said.contains("ACL failure in script") =>
        {
            Trouble::Refused(denied(failure))
        }
        _ if said.contains("exceeds maximum allowed size") || said.contains("invalid bulk length") => {
            Trouble::Refused(error(
                ErrorKind::TooLarge,
                "the record is larger than the server allows (512 MiB, or its proto-max-bulk-len)",
            ))
        }
        _ => Trouble::Refused(error(ErrorKind::Io, format!("the server refused: {said}"))),
    }
}

fn denied(failure: &RedisError) -> Error {
    error(ErrorKind::Denied, format!("the server refused user, password or permission: {}", plain(failure)))
}

/// Whether this is a certificate that is not trusted, on either side, rather than a network that fails.
fn is_refused_by_tls(failure: &RedisError) -> bool {
    let said = failure.to_string();
    said.contains("certificate") || said.contains("received fatal alert")
}

/// What was said, on one line. Old servers repeat the arguments of a command that they do not know, and
/// the password is one.
pub(crate) fn plain(failure: &RedisError) -> String {
    let line = failure.to_string().replace(['\r', '\n'], " ");
    match line.find(", with args") {
        Some(cut) => line[..cut].to_owned(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Trouble {
        let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
        sorted(&value.extract_error().unwrap_err())
    }

    #[test]
    fn what_the_server_says_becomes_a_kind_that_says_what_to_do() {
        for (line, kind) in [
            (
                "OOM command not allowed when used memory > 'maxmemory'. script: ab, on @user_script:1.",
                ErrorKind::Full,
            ),
            (
                "ERR Error running script (call to f_ab): @user_script:1: -OOM command not allowed",
                ErrorKind::Full,
            ),
            ("@user_script: 7: -OOM command not allowed when used memory > 'maxmemory'.", ErrorKind::Full),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", ErrorKind::Corrupt),
            (
                "ERR Error running script (call to f_ab): @user_script:1: WRONGTYPE Operation against a key",
                ErrorKind::Corrupt,
            ),
            ("NOAUTH Authentication required.", ErrorKind::Denied),
            ("WRONGPASS invalid username-password pair or user is disabled.", ErrorKind::Denied),
            ("NOPERM this user has no permissions to run the 'set' command", ErrorKind::Denied),
            ("ERR The user executing the script can't run this command or subcommand", ErrorKind::Denied),
            (
                "ERR ACL failure in script: User me has no permissions to run the 'set' command script: ab.",
                ErrorKind::Denied,
            ),
            (
                "ERR ACL failure in script: No permissions to access a key script: on @user_script:1.",
                ErrorKind::Denied,
            ),
            ("MISCONF Redis is configured to save RDB snapshots", ErrorKind::Unavailable),
            ("NOREPLICAS Not enough good replicas to write.", ErrorKind::Unavailable),
            ("ERR string exceeds maximum allowed size (proto-max-bulk-len)", ErrorKind::TooLarge),
            ("ERR unknown command 'EVALSHA'", ErrorKind::Io),
        ] {
            let Trouble::Refused(error) = said(line) else { panic!("{line}: {:?}", said(line)) };
            assert_eq!(error.kind(), kind, "{line}: {error}");
            assert!(!error.to_string().contains('\n'));
        }
        for line in ["LOADING Redis is loading the dataset in memory", "CLUSTERDOWN The cluster is down"] {
            assert!(matches!(said(line), Trouble::Wait(error) if error.is_retryable()), "{line}");
        }
        assert!(matches!(
            said("READONLY You can't write against a read only replica."),
            Trouble::Elsewhere(_)
        ));
        assert!(matches!(said("NOSCRIPT No matching script. Please use EVAL."), Trouble::NoScript));
    }

    #[test]
    fn arguments_that_the_server_repeats_are_left_out() {
        let line = "ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `me`, `secret`";
        let Trouble::Refused(error) = said(line) else { panic!() };
        assert!(error.to_string().contains("HELLO") && !error.to_string().contains("secret"), "{error}");
    }
}
