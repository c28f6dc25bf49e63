//! The URL schemes `sim+..`: another scheme's store behind latency and faults, in real time.

use std::future::Future;
use std::sync::Arc;

use larder::{Address, Backend, Error, Larder, Result, Scheme};

use super::{OnCancel, Simulated};
use crate::fault::Faults;
use crate::latency::Profile;
use crate::time::{RealTimeline, Timeline};

/// The options of the schemes `sim+..`, beside those of the scheme behind: name, values, what it does.
pub const OPTIONS: [(&str, &str, &str); 4] = [
    (
        "profile",
        "none|NAME|FILE.json",
        "how long things take: a shipped profile, such as s3-standard, or your own",
    ),
    ("seed", "0|NUMBER", "decides every latency and every fault"),
    ("faults", "none|swarm|KIND=RATE,..", "what goes wrong, such as lost-ack=1%,hang=1/2000"),
    ("on-cancel", "detach|abort", "whether an operation happens whose caller has gone before its effect"),
];

/// The scheme `name`, such as `sim+file`: the store that `open` opens, behind the profile and the faults
/// that the URL names, in real time. It has the options of `inner`, the scheme without the simulation,
/// beside its own [`OPTIONS`].
///
/// ```
/// use larder::Registry;
/// use larder_memory::Memory;
/// use larder_simulated::store::scheme;
///
/// let mut registry = Registry::new();
/// registry.register(scheme("sim+memory", &larder_memory::scheme(), |_| async { Ok(Memory::new()) }));
/// let larder = pollster::block_on(registry.open("sim+memory:?profile=none&seed=7&faults=lost-ack=1/100"))?;
/// # drop(larder);
/// # Ok::<(), larder::Error>(())
/// ```
pub fn scheme<B, F>(
    name: &'static str,
    inner: &Scheme,
    open: impl Fn(Address) -> F + Clone + Send + Sync + 'static,
) -> Scheme
where
    B: Backend,
    F: Future<Output = Result<B>> + Send + 'static,
{
    let opening = move |address: Address| {
        let open = open.clone();
        async move {
            let profile = profile(address.option("profile").unwrap_or("none"))?;
            let faults: Faults = address.option("faults").unwrap_or("none").parse()?;
            let seed = address.parsed("seed", 0)?;
            let on_cancel =
                address.one_of("on-cancel", &[("detach", OnCancel::Detach), ("abort", OnCancel::Abort)])?;
            let timeline: Arc<dyn Timeline> = Arc::new(RealTimeline::new()?);
            let backend = open(address).await?;
            let store = Simulated::builder(backend, timeline, seed);
            Ok(Larder::new(store.profile(profile).faults(faults).on_cancel(on_cancel).build()))
        }
    };
    let scheme = Scheme::new(name, "a store behind simulated latency and faults, in real time", opening);
    let scheme = inner
        .options()
        .iter()
        .fold(scheme, |scheme, option| scheme.option(option.name, option.values, option.help));
    OPTIONS.iter().fold(scheme, |scheme, (name, values, help)| scheme.option(name, values, help))
}

/// A profile by its name, or from its file.
fn profile(name: &str) -> Result<Profile> {
    if !name.ends_with(".json") {
        return Profile::named(name);
    }
    let text = std::fs::read_to_string(name)
        .map_err(|error| Error::io(format!("cannot read the profile {name}"), error))?;
    Profile::parse(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_have_names_or_come_from_files() {
        assert_eq!(profile("none").unwrap(), Profile::none());
        assert_eq!(profile("s3-standard").unwrap().name(), "s3-standard");
        assert!(profile("s4").unwrap_err().to_string().contains("s3-standard"));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mine.json");
        std::fs::write(
            &file,
            serde_json::to_string(&profile("s3-standard").unwrap().rename("mine")).unwrap(),
        )
        .unwrap();
        assert_eq!(profile(file.to_str().unwrap()).unwrap().name(), "mine");
        assert!(
            profile("nowhere.json").unwrap_err().to_string().contains("cannot read the profile nowhere.json")
        );
    }
}
